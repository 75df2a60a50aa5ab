"""Reading the images and masks of a request, through the one reader of daemon/pixels."""

from __future__ import annotations

from pathlib import Path

from daemon import pixels
from daemon.domain import Mask
from daemon.domain.errors import ImageRefused, MaskRefused
from daemon.pixels import Picture as Picture
from daemon.pixels import masks
from daemon.runs.run_folder import ImageFile, LabeledFile

_CURE = "correct the annotation, or leave the image out"


class UnreadableImage(ImageRefused):
    """An image or a mask of the request that cannot be read."""

    def __init__(self, file: ImageFile, path: Path, got: str, expected: str, cure: str) -> None:
        super().__init__(
            f"image {file.id}: {path}: got {got}; expected {expected}; {cure}",
            got=got,
            expected=expected,
            cure=cure,
        )


class UnusableMask(MaskRefused):
    """A mask of the request that does not belong to its image: wrong size or values."""

    def __init__(self, file: LabeledFile, got: str, expected: str, cure: str = _CURE) -> None:
        super().__init__(
            f"mask of image {file.id}: {file.mask}: got {got}; expected {expected}; {cure}",
            got=got,
            expected=expected,
            cure=cure,
        )


def read_image(file: ImageFile) -> Picture:
    """The picture as (H, W, 3) RGB, upright, as the people saw it who drew its mask.

    The daemon limited its pixels when it took the image in. Raises UnreadableImage that names the
    file and the id.
    """
    try:
        return pixels.read_picture(file.image, where=str(file.image))
    except ImageRefused as exc:
        raise UnreadableImage(file, file.image, exc.got, exc.expected, exc.cure) from exc


def read_mask(file: LabeledFile, classes: int) -> Mask:
    """(H, W) class indices, 255 = none. Raises UnreadableImage; UnusableMask for other values."""
    try:
        return masks.read_mask(file.mask, where=str(file.mask), classes=classes)
    except masks.MaskUnreadable as exc:
        raise UnreadableImage(file, file.mask, exc.got, exc.expected, exc.cure) from exc
    except masks.MaskUnusable as exc:
        raise UnusableMask(file, exc.got, exc.expected, exc.cure) from exc


def read_labeled(file: LabeledFile, classes: int) -> tuple[Picture, Mask]:
    """Picture and mask. Raises UnusableMask where their sizes differ, and as both readers do."""
    image, mask = read_image(file), read_mask(file, classes)
    if image.shape[:2] != mask.shape:
        raise UnusableMask(file, f"the size {mask.shape}", f"that of its image, {image.shape[:2]}")
    return image, mask
