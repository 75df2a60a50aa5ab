"""Whole images as the training framed its crops: with `framing = "fit"`, scaled into one crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from daemon.config.learner import Settings
from daemon.domain import Mask
from daemon.hrda.data.image_files import Picture
from daemon.hrda.data.random_crop import fitted_picture
from daemon.hrda.network.encoders import encoder_spec
from daemon.hrda.network.heads import STRIDE

LINES = 256  # of an image that are interpolated at once


def fits(settings: Settings) -> bool:
    """Whether whole images are scaled into a crop; else they are seen at their own scale."""
    return settings.framing == "fit"


def framed(
    settings: Settings, images: Sequence[Picture]
) -> tuple[Sequence[Picture], tuple[int, int]]:
    """Images of one size as the network sees them, and the (h, w) that the image has in them.

    Native: the images themselves. Fit: squares of context_px, as in training, the image in their
    upper left corner.
    """
    if not fits(settings):
        return images, (images[0].shape[0], images[0].shape[1])
    fill = [round(channel) for channel in encoder_spec(settings).mean]
    found = [fitted_picture(image, settings.context_px, fill) for image in images]
    return [picture for picture, _ in found], found[0][1]


def pixels_in_memory(settings: Settings, pixels: int) -> int:
    """Pixels of an image of so many: as it is read, or as the network sees it if that is more."""
    return max(pixels, settings.context_px**2) if fits(settings) else pixels


def rows_at_size(
    logits: Tensor, seen: tuple[int, int], size: tuple[int, int], rows: slice
) -> Tensor:
    """(C, rows, W): these rows of an image of `size` from the logits of the image at size `seen`.

    logits: (C, h/4, w/4), rounded up. Bilinear between the centres of the cells, as
    `torch.nn.functional.interpolate` does without align_corners.
    """
    top, bottom, part = _cells(logits.shape[1], seen[0] / size[0], rows)
    left, right, share = _cells(logits.shape[2], seen[1] / size[1], slice(0, size[1]))
    found = logits.new_empty(len(logits), len(part), size[1])
    for first in range(0, len(part), LINES):  # several copies of all of them may not fit
        some = slice(first, first + LINES)
        lines = torch.lerp(logits[:, top[some]], logits[:, bottom[some]], part[some, None])
        torch.lerp(lines[:, :, left], lines[:, :, right], share, out=found[:, some])
    return found


def _cells(count: int, scale: float, pixels: slice) -> tuple[Tensor, Tensor, Tensor]:
    """For each of the pixels along one side the two cells beside it, and the share of the second.

    count: cells. scale: pixels that the network sees for one of the image.
    """
    centres = torch.arange(pixels.start, pixels.stop, dtype=torch.float64) + 0.5
    at = (centres * scale / STRIDE - 0.5).clamp(0, count - 1)
    first = at.floor().long()
    return first, (first + 1).clamp(max=count - 1), (at - first).float()


def features_of_image(
    features: Sequence[Tensor], seen: tuple[int, int], size: tuple[int, int]
) -> tuple[Tensor, ...]:
    """The part of the maps (B, C, h, w) of a picture of `size` that shows the image, not its
    padding: at least one cell."""
    return tuple(
        maps[
            :,
            :,
            : -(-seen[0] * maps.shape[2] // size[0]),
            : -(-seen[1] * maps.shape[3] // size[1]),
        ]
        for maps in features
    )


def labels_of_cells(mask: Mask, seen: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """(cells,): the label of an (H, W) mask at the first pixel of each cell of the image at size
    `seen`."""
    lines, columns = (
        np.arange(0, side, STRIDE) * full // side
        for side, full in zip(seen, mask.shape, strict=True)
    )
    return mask[np.ix_(lines, columns)].ravel()
