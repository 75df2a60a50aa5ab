"""Mask files: PNG with one class index a pixel.

Palettes count by their index, gray values by what is stored, also where they have 2 or 4 bits.
One bit is refused: black and white may mean classes or a stencil. 255 is "no label".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Mask
from daemon.domain.errors import ImageRefused, MaskRefused
from daemon.pixels.formats import START_BYTES, Kind, kind_of, looks_like
from daemon.pixels.headers import DECODER_ERRORS, open_picture
from daemon.pixels.reader import read_file

NAMED = 5  # unknown values in a message
_PIECE_PX = 2**18  # that numpy turns into 8 bytes each at once: it counts nothing smaller
_DEPTH_AT = 24  # the byte of a PNG header that holds the bits of a sample


class MaskUnusable(MaskRefused):
    """A file that is no mask of its image. got, expected, cure: in words, without the file."""

    def __init__(self, where: str, got: str, expected: str, cure: str) -> None:
        words = f"{where}: got {got}; expected {expected}; {cure}"
        super().__init__(words, got=got, expected=expected, cure=cure)


class MaskUnreadable(MaskUnusable):
    """A file that is missing, damaged or no PNG."""


def read_mask(
    path: Path,
    *,
    where: str | None = None,
    classes: int | None = None,
    size: tuple[int, int] | None = None,
) -> Mask:
    """(H, W) class indices; IGNORE where there is no label.

    classes: how many there are; values from there on are refused, except IGNORE. size:
    (height_px, width_px) that the mask must have. Raises MaskUnreadable and MaskUnusable.
    """
    where = where or f"mask {path}"
    mask = _decoded(path, where)
    if size is not None and mask.shape != size:
        raise MaskUnusable(
            where,
            f"(height, width) {mask.shape}",
            f"{size}, as its image is shown",
            "make the mask fit the image",
        )
    if classes is not None and (unknown := unknown_values(mask, classes)):
        raise MaskUnusable(
            where,
            f"pixel value {_listed(unknown)}",
            f"0 to {classes - 1}, or {IGNORE} for no label",
            "correct the mask, or name all classes in the order of their values",
        )
    return mask


def counts_of(mask: Mask) -> npt.NDArray[np.int64]:
    """(256,): pixels of each value."""
    flat, counts = mask.ravel(), np.zeros(256, np.int64)
    for first in range(0, flat.size, _PIECE_PX):
        counts += np.bincount(flat[first : first + _PIECE_PX], minlength=256)
    return counts


def values_of(mask: Mask) -> list[int]:
    """The values that a mask holds, ascending."""
    return [int(value) for value in np.flatnonzero(counts_of(mask))]


def unknown_values(mask: Mask, classes: int) -> list[int]:
    """The values of a mask that are no class, ascending; 255 is none of them."""
    return [value for value in values_of(mask) if value >= classes and value != IGNORE]


def _decoded(path: Path, where: str) -> Mask:
    try:
        content = read_file(path, where=where)
        kind = kind_of(content[:START_BYTES])
        if kind is not Kind.PNG:
            raise MaskUnreadable(
                where,
                kind.value if kind else looks_like(content[:512], len(content)),
                "a PNG with one class index a pixel",
                "save the mask as 8-bit PNG",
            )
        depth = content[_DEPTH_AT]
        opened = open_picture(content, where, None)
        with opened.picture as picture:
            picture.load()
            mode, values = picture.mode, np.array(picture)
    except ImageRefused as exc:
        raise MaskUnreadable(where, exc.got, "a whole PNG", "restore the file") from exc
    except DECODER_ERRORS as exc:
        got = f"a damaged PNG: {str(exc)[:200] or type(exc).__name__}"
        raise MaskUnreadable(where, got, "a whole PNG", "restore the file") from exc
    if mode == "P" or (mode == "L" and depth == 8):
        return values.astype(np.uint8, copy=False)
    if mode == "L":  # 2 or 4 bits, which the decoder spreads over 0 to 255
        spread = 255 // (2**depth - 1)
        return np.asarray(values // spread, np.uint8)
    raise MaskUnusable(
        where,
        f"a PNG of mode {mode}",
        "8 bits a pixel that hold one class index",
        _CURES.get(mode, "save the mask with one channel of 8 bits"),
    )


_CURES = {
    "1": "save it with 8 bits a pixel, 0, 1, 2, ... for the classes",
    "RGB": "turn its colours into class indices, 0, 1, 2, ..., in one channel of 8 bits",
    "RGBA": "turn its colours into class indices, 0, 1, 2, ..., in one channel of 8 bits",
    "LA": "save it without the transparency",
    "I;16": "save it with 8 bits a pixel instead of 16",
    "I": "save it with 8 bits a pixel instead of 16",
}


def _listed(values: Sequence[int]) -> str:
    more = f" and {len(values) - NAMED} more" if len(values) > NAMED else ""
    return ", ".join(map(str, values[:NAMED])) + more
