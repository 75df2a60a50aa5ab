"""A look at some masks of a folder before anybody relies on them.

255 means "no label" here; many tools write 255 for the one class of a binary mask. Such masks
would train and measure nothing but background, so this is said before the first label.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from daemon.domain import IGNORE, ClassSet, Fault
from daemon.pixels.reader import opened_file

LOOKED_AT = 64  # masks
COMMON_SHARE = 0.5  # of the masks that hold 255, from which 255 is no exception

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def mask_faults(folder: Path, classes: ClassSet) -> Sequence[Fault]:
    """What is wrong with the values of some masks below `folder`; nothing for masks that cannot
    be read: those are faults of their own when their turn comes."""
    held = _held(folder)
    if not len(held):
        return []
    unknown = np.flatnonzero(held[:, len(classes) : IGNORE].any(axis=0)) + len(classes)
    if unknown.size:
        return [_fault_of_unknown(folder, classes, unknown.tolist(), len(held))]
    absent = _absent(held, classes)
    if len(absent) >= len(classes) - 1 and (words := _words_of_ignored(held, classes)):
        got, cure = words
        return [
            Fault(
                where=f"masks in {folder}",
                got=got,
                expected="the index of the class, by its place in [classes] names",
                cure=cure,
            )
        ]
    return []


def mask_notes(folder: Path, classes: ClassSet) -> Sequence[str]:
    """What may be wrong: some class is in no mask, while 255 is common."""
    held = _held(folder)
    if not len(held) or mask_faults(folder, classes):
        return []
    words = _words_of_ignored(held, classes)
    return [f"masks in {folder}: {'; '.join(words)}"] if words else []


def _words_of_ignored(held: Flags, classes: ClassSet) -> tuple[str, str] | None:
    """What was got and a cure, where 255 is common and a class is in no mask."""
    absent, ignored = _absent(held, classes), int(held[:, IGNORE].sum())
    if not absent or ignored <= COMMON_SHARE * len(held):
        return None
    names = " or ".join(repr(name) for name in absent)
    writes = ", ".join(f"{classes.names.index(name)} for {name!r}" for name in absent)
    return (
        f"255 in {ignored} of {len(held)} masks and {names} in none",
        f"255 means 'no label'; where your masks use 255 for {names}, write {writes}, and begin "
        f"with a new [project] state_dir if labels were read before",
    )


def _absent(held: Flags, classes: ClassSet) -> Sequence[str]:
    return [name for row, name in enumerate(classes.names) if not held[:, row].any()]


def _held(folder: Path) -> Flags:
    """(M, 256): which values some masks hold, spread over the folder."""
    paths = sorted(folder.rglob("*.png"))
    some = islice(paths[:: max(1, len(paths) // LOOKED_AT)], LOOKED_AT)
    found = [counts > 0 for path in some if (counts := _values(path)) is not None]
    return np.stack(found) if found else np.zeros((0, 256), np.bool_)


def _fault_of_unknown(folder: Path, classes: ClassSet, unknown: Sequence[int], masks: int) -> Fault:
    return Fault(
        where=f"masks in {folder}",
        got=f"the values {str(unknown[:8])[1:-1]} in some of {masks} masks",
        expected=f"0 to {len(classes) - 1}, the places of [classes] names, or 255 for 'no label'",
        cure="name all classes in [classes] names, or write other values",
    )


def _values(path: Path) -> Counts | None:
    """(256,) pixels of each value; None for what is no mask."""
    try:
        with opened_file(path) as file, Image.open(file, formats=["PNG"]) as picture:
            if picture.mode not in ("L", "P"):
                return None
            return np.bincount(np.asarray(picture, np.uint8).ravel(), minlength=256)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
