"""The sides of training crops that follow the images. Pure."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np

from daemon.config.learner import GRID_PX, WINDOW_GRID_PX, Settings

log = logging.getLogger(__name__)

LEAST_PX = 2 * GRID_PX  # of a crop


def with_crops_by_images(settings: Settings, sizes: Sequence[tuple[int, int]]) -> Settings:
    """The settings with context_px lowered to the median image, where `crops_by_images` says so.

    sizes: (height, width) of the labeled images, pixels. The new side is the median of their longer
    sides, rounded up to a multiple of 64 and at least 128; a larger crop would be padding.
    detail_px shrinks in proportion, to a multiple of 32.
    """
    if not settings.crops_by_images or not sizes:
        return settings
    median_px = float(np.median([max(size) for size in sizes]))
    context_px = max(LEAST_PX, -(-int(np.ceil(median_px)) // GRID_PX) * GRID_PX)
    if context_px >= settings.context_px:
        return settings
    share = context_px / settings.context_px
    grid = WINDOW_GRID_PX
    detail_px = max(grid, int(settings.detail_px * share) // grid * grid)
    log.info(
        "crops follow the images: their median is %.0f pixels; context_px=%d detail_px=%d",
        median_px,
        context_px,
        detail_px,
    )
    return dataclasses.replace(settings, context_px=context_px, detail_px=detail_px)
