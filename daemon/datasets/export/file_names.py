"""Names of exported files: safe on every file system, all different, the same at every export.

The name of an image comes from outside: it may hold folders, "..", NUL, or be that of another one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from daemon.datasets.sample_names import names_of
from daemon.domain import Image
from daemon.pixels.formats import START_BYTES, kind_of
from daemon.pixels.reader import opened_file

_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufffe\uffff]")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}")
# Names that Windows gives to devices, whatever their ending.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def file_names(images: Sequence[Image]) -> dict[int, str]:
    """Image id -> the name of its files without an ending.

    The name of the image without its ending, where that is possible; images that still have one
    name are told apart by their id.
    """
    names = names_of([_HIDDEN.sub("_", image.name) for image in images])
    names = [f"{name}_" if _DEVICE.fullmatch(name) else name for name in names]
    taken: set[str] = set()
    found: dict[int, str] = {}
    for image, name in sorted(zip(images, names, strict=True), key=lambda pair: pair[0].id):
        free, number = name, 0
        while free.lower() in taken:
            free = f"{name}_{image.id}" + (f"_{number}" if number else "")
            number += 1
        taken.add(free.lower())
        found[image.id] = free
    return found


def ending_of(image: Image) -> str:
    """The ending that the content of an image asks for; where it cannot be read, that of its name,
    else ".png"."""
    try:
        with opened_file(image.path) as file:
            kind = kind_of(file.read(START_BYTES))
    except (OSError, ValueError):
        kind = None
    if kind is not None:
        return kind.suffix
    ending = Path(image.name.replace("\0", "")).suffix
    return ending.lower() if _ENDING.fullmatch(ending) else ".png"
