"""Cutting training crops out of pictures: pure, every draw comes from the generator given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Mask
from daemon.hrda.data.image_files import Picture

GRAY = (127, 127, 127)


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A training crop. image: (P, P, 3). mask: (P, P), 255 outside. valid: (P, P) bool."""

    image: Picture
    mask: Mask
    valid: npt.NDArray[np.bool_]


def training_crop(
    image: Picture,
    mask: Mask,
    side_px: int,
    scales: tuple[float, float],
    wanted: int | None,
    rng: np.random.Generator,
    turns: str = "square",
    fill: Sequence[int] = GRAY,
) -> Crop:
    """A square of side_px, scaled, flipped and turned at random.

    wanted: a class; where the mask holds it, one of its pixels lies in the crop. turns: which
    symmetries (see TURNS). What the image does not cover is `fill`, label 255, not valid.
    """
    scale = float(np.exp(rng.uniform(*np.log(scales))))
    source_px = max(1, round(side_px / scale))
    y, x = _corner(mask, source_px, wanted, rng)
    view = np.s_[y : y + source_px, x : x + source_px]
    picture, label = image[view], mask[view]
    height, width = (min(side_px, max(1, round(s * side_px / source_px))) for s in label.shape)
    size = (width, height)
    picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    label = np.asarray(cv2.resize(label, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return TURNS[turns](_padded(picture, label, side_px, fill), rng)


def _corner(
    mask: Mask, source_px: int, wanted: int | None, rng: np.random.Generator
) -> tuple[int, int]:
    """Where the crop begins: uniform, or uniform among those that hold a wanted pixel."""
    room = [max(0, side - source_px) for side in mask.shape]
    found = np.flatnonzero(mask == wanted) if wanted is not None else np.empty(0, np.int64)
    if not found.size:
        return int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1))
    pixel = divmod(int(found[rng.integers(found.size)]), mask.shape[1])
    low = [max(0, at - source_px + 1) for at in pixel]
    corner = (
        int(rng.integers(min(lo, most), min(at, most) + 1))
        for lo, at, most in zip(low, pixel, room, strict=True)
    )
    y, x = corner
    return y, x


def whole_scale(image: Picture, side_px: int) -> float:
    """The scale at which the whole image just fits into a crop."""
    return side_px / max(image.shape[:2])


def _padded(picture: Picture, label: Mask, side_px: int, fill: Sequence[int]) -> Crop:
    height, width = label.shape
    image = np.full((side_px, side_px, 3), fill, np.uint8)
    mask = np.full((side_px, side_px), IGNORE, np.uint8)
    valid = np.zeros((side_px, side_px), np.bool_)
    image[:height, :width], mask[:height, :width], valid[:height, :width] = picture, label, True
    return Crop(image=image, mask=mask, valid=valid)


def _turned(crop: Crop, rng: np.random.Generator) -> Crop:
    """One of the eight symmetries of the square: fields are seen from above."""
    quarters, flipped = int(rng.integers(4)), bool(rng.integers(2))
    parts = {}
    for name, part in vars(crop).items():
        part = np.rot90(part, quarters)
        parts[name] = np.ascontiguousarray(part[:, ::-1] if flipped else part)
    return Crop(**parts)


def _mirrored(crop: Crop, rng: np.random.Generator) -> Crop:
    """Left and right swapped, or not: photographs of streets."""
    if not rng.integers(2):
        return crop
    return Crop(**{name: np.ascontiguousarray(part[:, ::-1]) for name, part in vars(crop).items()})


TURNS = {"square": _turned, "mirror": _mirrored, "none": lambda crop, rng: crop}
