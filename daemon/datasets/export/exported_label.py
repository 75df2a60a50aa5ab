"""One label of the store, checked, as every format writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from daemon.datasets.samples import LabelsUnusable
from daemon.domain import Image, Mask, Role
from daemon.domain.errors import ImageRefused
from daemon.pixels.headers import DECODER_ERRORS, open_picture
from daemon.pixels.masks import unknown_values

SPLITS: Mapping[Role, str] = {
    Role.POOL: "train",
    Role.VALIDATION: "validation",
    Role.EXCLUDED: "excluded",
}
_CURE = "submit the annotation again in the labeling tool"


@dataclass(frozen=True, kw_only=True)
class ExportedLabel:
    """A label with its image. file: of the image, without folders. png: the mask as the store
    keeps it, 8 bits a pixel. mask: (height_px, width_px); 255: no label."""

    image: Image
    name: str
    file: str
    png: bytes
    mask: Mask

    @property
    def split(self) -> str:
        """train, validation or excluded."""
        return SPLITS[self.image.role]


def checked_label(
    image: Image, png: bytes, classes: Sequence[str], *, name: str, file: str
) -> ExportedLabel:
    """Read and check a mask of the store. Raises LabelsUnusable, naming the image."""
    where = f"label of image {image.name!r}"
    size = (image.height_px, image.width_px)
    mask = _decoded(png, where, size[0] * size[1])
    if mask.shape != size:
        raise LabelsUnusable(
            where, f"(height, width) {mask.shape}", f"{size}, that of the image", _CURE
        )
    if unknown := unknown_values(mask, len(classes)):
        raise LabelsUnusable(
            where, f"the pixel value {unknown[0]}", f"0 to {len(classes) - 1}, or 255", _CURE
        )
    return ExportedLabel(image=image, name=name, file=file, png=png, mask=mask)


def _decoded(png: bytes, where: str, pixels: int) -> Mask:
    expected = "an 8-bit PNG"
    try:
        with open_picture(png, where, max(pixels, 1)).picture as picture:
            picture.load()
            if picture.mode != "L":
                raise LabelsUnusable(where, f"a PNG of mode {picture.mode}", expected, _CURE)
            return np.asarray(picture, np.uint8)
    except ImageRefused as exc:
        raise LabelsUnusable(where, exc.got or str(exc), expected, _CURE) from exc
    except DECODER_ERRORS as exc:
        raise LabelsUnusable(where, f"a damaged PNG: {exc}"[:200], expected, _CURE) from exc
