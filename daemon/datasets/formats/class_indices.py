"""Masks of one class index a pixel: PNG of 8 bits, gray or with a palette; 255 is no label."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from daemon.datasets.samples import NO_LABEL, Count, Labels, Repair
from daemon.domain import IGNORE
from daemon.pixels.masks import MaskUnusable, read_mask, values_of


def read(path: Path, where: str, classes: int) -> Labels:
    """The mask as it is. Raises MaskUnusable, also for a value that is none of `classes`."""
    values = read_mask(path, where=where, classes=min(classes, IGNORE)).astype(np.uint16)
    values[values == IGNORE] = NO_LABEL
    return Labels(values=values)


def read_stencil(path: Path, where: str) -> Labels:
    """A mask of 0 and 255, where 255 is the only class. Raises MaskUnusable."""
    mask = read_mask(path, where=where)
    repairs = [Count(repair=Repair.STENCIL)] if (mask == IGNORE).any() else []
    return Labels(values=(mask == IGNORE).astype(np.uint16), repairs=repairs)


def values_in(paths: Iterable[Path]) -> set[int]:
    """The values that some masks hold; one that cannot be read holds none."""
    found: set[int] = set()
    for path in paths:
        try:
            found.update(values_of(read_mask(path)))
        except MaskUnusable:
            continue  # said when the mask is read for good
    return found
