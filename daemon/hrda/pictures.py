"""Reading images and masks, and cutting training crops. Pure but for the reading."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags
from PIL import Image as PillowImage
from PIL.Image import Transpose

from daemon.domain import IGNORE, Mask
from daemon.errors import ImageRefused, MaskRefused
from daemon.runs import ImageFile, LabeledFile

Picture = npt.NDArray[np.uint8]  # (H, W, 3) RGB

# What Pillow raises for bytes that are no picture, or whose EXIF is damaged.
BROKEN = (OSError, SyntaxError, ValueError, TypeError, struct.error)
UPRIGHT = {  # EXIF orientation -> what makes it upright; 1 and unknown ones are left
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


class UnreadableImage(ImageRefused):
    """An image of the request that cannot be read; `image_id` is the store's."""

    def __init__(self, file: ImageFile, path: Path, got: str) -> None:
        super().__init__(
            f"image {file.id}: {path}: got {got}; expected a whole image file; "
            f"replace the file, or leave the image out"
        )
        self.image_id = file.id


class UnusableMask(MaskRefused):
    """A mask of the request that is no mask of its image; `image_id` is the store's."""

    def __init__(self, file: LabeledFile, got: str, expected: str) -> None:
        super().__init__(
            f"mask of image {file.id}: {file.mask}: got {got}; expected {expected}; correct the "
            f"annotation, or leave the image out"
        )
        self.image_id = file.id


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A training crop. image: (P, P, 3). mask: (P, P), 255 outside. valid: (P, P) bool."""

    image: Picture
    mask: Mask
    valid: npt.NDArray[np.bool_]


def read_image(file: ImageFile) -> Picture:
    """The picture as RGB, upright: people, so their masks, see it as EXIF turns it.

    Raises UnreadableImage that names the file and the id.
    """
    try:
        with PillowImage.open(file.image) as picture:
            upright = _upright(picture)
            return np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))
    except (*BROKEN, PillowImage.DecompressionBombError) as exc:
        raise UnreadableImage(file, file.image, str(exc)) from exc


def _upright(picture: PillowImage.Image) -> PillowImage.Image:
    """As the EXIF orientation asks, like the cache of `connectors/images.py`."""
    turn = UPRIGHT.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    return picture if turn is None else picture.transpose(turn)


def read_mask(file: LabeledFile, classes: int) -> Mask:
    """The class indices. Raises UnreadableImage, or UnusableMask for an unknown value."""
    try:
        with PillowImage.open(file.mask) as picture:
            mode, mask = picture.mode, np.asarray(picture)
    except BROKEN as exc:
        raise UnreadableImage(file, file.mask, str(exc)) from exc
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise UnusableMask(file, f"mode {mode}", "8-bit class indices")
    values = np.unique(mask)
    unknown = [int(value) for value in values if value >= classes and value != IGNORE]
    if unknown:
        raise UnusableMask(file, f"the values {unknown}", f"0 to {classes - 1}, or {IGNORE}")
    return mask


def read_labeled(file: LabeledFile, classes: int) -> tuple[Picture, Mask]:
    """Both, of the same size. Raises UnusableMask where they are not."""
    image, mask = read_image(file), read_mask(file, classes)
    if image.shape[:2] != mask.shape:
        raise UnusableMask(file, f"the size {mask.shape}", f"that of its image, {image.shape[:2]}")
    return image, mask


def training_crop(
    image: Picture,
    mask: Mask,
    side_px: int,
    scales: tuple[float, float],
    wanted: int | None,
    rng: np.random.Generator,
) -> Crop:
    """A square of side_px, scaled, flipped and turned at random.

    wanted: a class; where the mask holds it, one of its pixels lies in the crop. What the
    image does not cover is gray, label 255, not valid.
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
    return _turned(_padded(picture, label, side_px), rng)


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


def _padded(picture: Picture, label: Mask, side_px: int) -> Crop:
    height, width = label.shape
    image = np.full((side_px, side_px, 3), 127, np.uint8)
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
