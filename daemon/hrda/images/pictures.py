"""Reading images and masks."""

from __future__ import annotations

import struct
from pathlib import Path

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
        self.image_id, self.got, self.expected = file.id, got, "a whole image file"


class UnusableMask(MaskRefused):
    """A mask of the request that is no mask of its image; `image_id` is the store's."""

    def __init__(self, file: LabeledFile, got: str, expected: str) -> None:
        super().__init__(
            f"mask of image {file.id}: {file.mask}: got {got}; expected {expected}; correct the "
            f"annotation, or leave the image out"
        )
        self.image_id, self.got, self.expected = file.id, got, expected


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
