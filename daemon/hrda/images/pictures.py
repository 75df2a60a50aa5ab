"""Reading the images and masks of a request, through the one reader of daemon/pixels."""

from __future__ import annotations

from pathlib import Path

from daemon import pixels
from daemon.domain import Mask
from daemon.errors import ImageRefused, MaskRefused
from daemon.pixels import Picture as Picture
from daemon.pixels import masks
from daemon.runs import ImageFile, LabeledFile


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
    """The picture as RGB, upright: as people, so their masks, see it.

    How many pixels it may have was decided when the daemon took it in. Raises UnreadableImage
    that names the file and the id.
    """
    try:
        return pixels.read(file.image, where=str(file.image))
    except ImageRefused as exc:
        raise UnreadableImage(file, file.image, _got(exc, file.image)) from exc


def read_mask(file: LabeledFile, classes: int) -> Mask:
    """The class indices. Raises UnreadableImage, or UnusableMask for what is no mask."""
    try:
        return masks.read_mask(file.mask, where=str(file.mask), classes=classes)
    except masks.MaskUnreadable as exc:
        raise UnreadableImage(file, file.mask, exc.got) from exc
    except masks.MaskUnusable as exc:
        raise UnusableMask(file, exc.got, f"{exc.expected} ({exc.cure})") from exc


def read_labeled(file: LabeledFile, classes: int) -> tuple[Picture, Mask]:
    """Both, of the same size. Raises UnusableMask where they are not."""
    image, mask = read_image(file), read_mask(file, classes)
    if image.shape[:2] != mask.shape:
        raise UnusableMask(file, f"the size {mask.shape}", f"that of its image, {image.shape[:2]}")
    return image, mask


def _got(exc: ImageRefused, path: Path) -> str:
    return str(exc).removeprefix(f"{path}: ")
