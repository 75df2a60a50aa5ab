"""Masks of one colour a class. The stored numbers count: no colour profile is applied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.datasets.formats.conventions import Colour
from daemon.datasets.samples import Labels, LabelsUnusable
from daemon.domain.errors import ImageRefused
from daemon.pixels.formats import Kind
from daemon.pixels.headers import DECODER_ERRORS, open_picture
from daemon.pixels.reader import read_file

MOST_COLOURS = 256
_UNKNOWN = 65_534  # of the table: a colour of no class
_NAMED = 5
Keys = npt.NDArray[np.int32]  # (H, W): red, green and blue as one number
Table = npt.NDArray[np.uint16]  # (2^24,): the value of each colour


def lookup(colours: Mapping[Colour, int]) -> Table:
    """The value of every colour there is."""
    table = np.full(2**24, _UNKNOWN, np.uint16)
    for (red, green, blue), value in colours.items():
        table[red << 16 | green << 8 | blue] = value
    return table


def read(path: Path, where: str, table: Table) -> Labels:
    """The mask by its colours. Raises LabelsUnusable, also for a colour of no class."""
    keys = _keys(path, where)
    values = table[keys]
    unknown = np.unique(keys[values == _UNKNOWN])
    if unknown.size:
        raise LabelsUnusable(
            where,
            f"{unknown.size} colours of no class, such as "
            f"{', '.join(f'#{key:06x}' for key in unknown[:_NAMED].tolist())}",
            "the colours of the table of classes",
            "correct the mask, or add the colour to the table",
        )
    return Labels(values=values)


def colours_in(path: Path, where: str) -> set[Colour]:
    """The colours of a mask, at most MOST_COLOURS and one more. Raises LabelsUnusable."""
    found = np.unique(_keys(path, where))[: MOST_COLOURS + 1]
    return {(key >> 16, key >> 8 & 255, key & 255) for key in found.tolist()}


def mode_of(path: Path) -> str:
    """How the pixels of a mask are stored, in Pillow's word; "" for one that cannot be read."""
    try:
        with open_picture(read_file(path, where="mask"), "mask", None).picture as picture:
            return str(picture.mode)
    except (ImageRefused, *DECODER_ERRORS):
        return ""


def _keys(path: Path, where: str) -> Keys:
    expected, cure = "a PNG with one colour a class", "save the mask as PNG"
    try:
        opened = open_picture(read_file(path, where=where), where, None)
        with opened.picture as picture:
            if opened.kind is not Kind.PNG or picture.mode not in ("RGB", "RGBA", "P", "L"):
                raise LabelsUnusable(where, f"{opened.kind} of {picture.mode}", expected, cure)
            picture.load()
            pixels = np.asarray(picture.convert("RGB"))
    except ImageRefused as exc:
        raise LabelsUnusable(where, exc.got, expected, cure) from exc
    except DECODER_ERRORS as exc:
        raise LabelsUnusable(where, f"a damaged PNG: {str(exc)[:200]}", expected, cure) from exc
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    return np.asarray(red << 16 | green << 8 | blue, np.int32)
