"""JSON from outside: bounded in size, and every value checked before it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from daemon.datasets.samples import LabelsUnusable
from daemon.domain.errors import ImageRefused
from daemon.domain.formatting import short_repr
from daemon.pixels.reader import opened_file, read_file

MOST_BYTES = 2**30  # of one file; that of COCO's largest set has half of it
HEAD_BYTES = 2**16


def read_json(path: Path, where: str) -> Any:
    """The content of a file. Raises LabelsUnusable, naming `where`, for anything but JSON."""
    expected, cure = "a JSON file", "restore the file, or leave it out"
    try:
        content = read_file(path, where=where, max_bytes=MOST_BYTES)
    except ImageRefused as exc:
        raise LabelsUnusable(where, exc.got, expected, cure) from exc
    try:
        return json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        raise LabelsUnusable(where, f"no JSON: {str(exc)[:200]}", expected, cure) from exc


def head(path: Path) -> bytes:
    """The first bytes of a file without blanks before them; b"" where it cannot be read."""
    try:
        with opened_file(path) as stream:
            return stream.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    except (OSError, ValueError):
        return b""


def object_of(value: object, where: str) -> dict[str, Any]:
    """The value, where it is an object. Raises LabelsUnusable."""
    if isinstance(value, dict):
        return value
    raise _unusable(where, value, "an object")


def list_of(value: object, where: str) -> list[Any]:
    """The value, where it is a list. Raises LabelsUnusable."""
    if isinstance(value, list):
        return value
    raise _unusable(where, value, "a list")


def text_of(value: object, where: str) -> str:
    """The value, where it is a text. Raises LabelsUnusable."""
    if isinstance(value, str):
        return value
    raise _unusable(where, value, "a text")


def size_of(height: object, width: object, where: str, most_pixels: int) -> tuple[int, int]:
    """(height_px, width_px). Raises LabelsUnusable for what is no size, or too large a one."""
    numbers = _whole_numbers(height, width)
    if len(numbers) == 2:
        height_px, width_px = numbers
        if min(height_px, width_px) >= 1 and height_px * width_px <= most_pixels:
            return height_px, width_px
    raise LabelsUnusable(
        where,
        f"width {short_repr(width)}, height {short_repr(height)}",
        f"whole numbers of pixels, at most {most_pixels} in all",
        "correct the file",
    )


def size_like(
    seen: tuple[int, int], height: object, width: object, where: str, most_pixels: int
) -> tuple[int, int]:
    """As `size_of`, for a mask of an image of the size `seen`, turned or not: a larger one is
    refused before memory is taken for it."""
    size = size_of(height, width, where, most_pixels)
    if sorted(size) == sorted(seen):
        return size
    raise LabelsUnusable(
        where,
        f"{size[1]}x{size[0]} pixels",
        f"{seen[1]}x{seen[0]}, as its image is shown",
        "make the mask fit the image",
    )


def _whole_numbers(*values: object) -> list[int]:
    """Those of the values that are whole numbers, also when written as 640.0."""
    return [
        int(value)
        for value in values
        if (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, float) and value.is_integer())
    ]


def _unusable(where: str, value: object, expected: str) -> LabelsUnusable:
    return LabelsUnusable(where, short_repr(value), expected, "correct the file")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
