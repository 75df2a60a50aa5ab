"""Random crops of pictures and masks: position, scale and symmetry. Pure; the caller brings rng."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Mask
from daemon.hrda.data.image_files import Picture
from daemon.pixels.masks import counts_of

GRAY = (127, 127, 127)
MAX_REDRAWS = 10  # of a crop that one class fills: mmseg's number


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
    largest_class_share: float = 1.0,
) -> Crop:
    """A square of side_px at a random position, scale and symmetry.

    image: (H, W, 3). scales: lowest and highest. required_class: where the mask holds it, one of
    its pixels lies in the crop. symmetry: a key of SYMMETRIES. Outside the image the crop has the
    colour `fill` (RGB), label 255, and is not valid. largest_class_share: in (0, 1]; below 1, the
    position is drawn again, up to MAX_REDRAWS times, until several classes are labeled and the
    largest has less than this share of the labeled pixels (mmseg's `cat_max_ratio`).
    """
    scale = float(np.exp(rng.uniform(*np.log(scales))))
    source_px = max(1, round(side_px / scale))
    redraws = MAX_REDRAWS if largest_class_share < 1 else 0
    for redraw in range(redraws + 1):
        y, x = _corner(mask, source_px, required_class, rng)
        view = np.s_[y : y + source_px, x : x + source_px]
        size = _scaled_size(mask[view].shape, source_px, side_px)
        label = np.asarray(
            cv2.resize(mask[view], size[::-1], interpolation=cv2.INTER_NEAREST), np.uint8
        )
        if redraw == redraws or _is_varied(label, largest_class_share):
            break
    picture = _scaled(image[view], size)
    return SYMMETRIES[symmetry](_padded(picture, label, side_px, fill), rng)


def fitted_picture(
    image: Picture, side_px: int, fill: Sequence[int] = GRAY
) -> tuple[Picture, tuple[int, int]]:
    """The whole image as `training_crop` sees it at `fit_scale`, without a symmetry.

    Returns (P, P, 3), and the (h, w) of the image in its upper left corner; the rest is `fill`.
    """
    size = _scaled_size(image.shape[:2], max(image.shape[:2]), side_px)
    square = np.full((side_px, side_px, 3), fill, np.uint8)
    square[: size[0], : size[1]] = _scaled(image, size)
    return square, size


def _scaled_size(shape: tuple[int, ...], source_px: int, side_px: int) -> tuple[int, int]:
    """(h, w) of a view of this (H, W), scaled by side_px / source_px."""
    height, width = (min(side_px, max(1, round(s * side_px / source_px))) for s in shape)
    return height, width


def _scaled(image: Picture, size: tuple[int, int]) -> Picture:
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def _is_varied(label: Mask, largest_class_share: float) -> bool:
    """Whether several classes are labeled and the largest has less than this share."""
    counts = counts_of(label)[:IGNORE]
    return bool(np.count_nonzero(counts) > 1 and counts.max() / counts.sum() < largest_class_share)


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
