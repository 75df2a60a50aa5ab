"""Random crops of pictures and masks: position, scale and symmetry. Pure; the caller brings rng."""

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
    required_class: int | None,
    rng: np.random.Generator,
    symmetry: str = "square",
    fill: Sequence[int] = GRAY,
) -> Crop:
    """A square of side_px at a random position, scale and symmetry.

    image: (H, W, 3). scales: lowest and highest. required_class: where the mask holds it, one of
    its pixels lies in the crop. symmetry: a key of SYMMETRIES. Outside the image the crop has the
    colour `fill` (RGB), label 255, and is not valid.
    """
    scale = float(np.exp(rng.uniform(*np.log(scales))))
    source_px = max(1, round(side_px / scale))
    y, x = _corner(mask, source_px, required_class, rng)
    view = np.s_[y : y + source_px, x : x + source_px]
    picture, label = image[view], mask[view]
    height, width = (min(side_px, max(1, round(s * side_px / source_px))) for s in label.shape)
    size = (width, height)
    picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    label = np.asarray(cv2.resize(label, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return SYMMETRIES[symmetry](_padded(picture, label, side_px, fill), rng)


def _corner(
    mask: Mask, source_px: int, required_class: int | None, rng: np.random.Generator
) -> tuple[int, int]:
    """Upper left corner (y, x): uniform, or uniform among crops that hold a random pixel of the
    required class."""
    room = [max(0, side - source_px) for side in mask.shape]
    found = np.flatnonzero(mask == required_class) if required_class is not None else mask[:0, 0]
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


def fit_scale(image: Picture, side_px: int) -> float:
    """The scale at which the whole image fits into a crop of side_px."""
    return side_px / max(image.shape[:2])


def _padded(picture: Picture, label: Mask, side_px: int, fill: Sequence[int]) -> Crop:
    height, width = label.shape
    image = np.full((side_px, side_px, 3), fill, np.uint8)
    mask = np.full((side_px, side_px), IGNORE, np.uint8)
    valid = np.zeros((side_px, side_px), np.bool_)
    image[:height, :width], mask[:height, :width], valid[:height, :width] = picture, label, True
    return Crop(image=image, mask=mask, valid=valid)


def _rotated_and_flipped(crop: Crop, rng: np.random.Generator) -> Crop:
    """One of the eight symmetries of the square: for pictures taken from above."""
    quarters, flipped = int(rng.integers(4)), bool(rng.integers(2))
    parts = {}
    for name, part in vars(crop).items():
        part = np.rot90(part, quarters)
        parts[name] = np.ascontiguousarray(part[:, ::-1] if flipped else part)
    return Crop(**parts)


def _mirrored(crop: Crop, rng: np.random.Generator) -> Crop:
    """Mirrored left to right, or not: for pictures with an up, such as streets."""
    if not rng.integers(2):
        return crop
    return Crop(**{name: np.ascontiguousarray(part[:, ::-1]) for name, part in vars(crop).items()})


SYMMETRIES = {"square": _rotated_and_flipped, "mirror": _mirrored, "none": lambda crop, rng: crop}
