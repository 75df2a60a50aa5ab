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

LOOKED_AT = 64  # masks
COMMON_SHARE = 0.5  # of the masks that hold 255, from which 255 is no exception

Counts = npt.NDArray[np.int64]


def mask_faults(folder: Path, classes: ClassSet) -> Sequence[Fault]:
    """What is wrong with the values of the first masks below `folder`; nothing for masks that
    cannot be read: those are faults of their own when their turn comes."""
    found = [counts for path in _paths(folder) if (counts := _values(path)) is not None]
    if not found:
        return []
    held = np.stack([counts > 0 for counts in found])  # (M, 256)
    unknown = np.flatnonzero(held[:, len(classes) : IGNORE].any(axis=0)) + len(classes)
    if unknown.size:
        return [_fault_of_unknown(folder, classes, unknown.tolist(), len(found))]
    absent = [name for row, name in enumerate(classes.names) if not held[:, row].any()]
    ignored = int(held[:, IGNORE].sum())
    if absent and ignored > COMMON_SHARE * len(found):
        return [_fault_of_ignored(folder, classes, absent, ignored, len(found))]
    return []


def _fault_of_ignored(
    folder: Path, classes: ClassSet, absent: Sequence[str], ignored: int, masks: int
) -> Fault:
    names = " or ".join(repr(name) for name in absent)
    writes = ", ".join(f"{classes.names.index(name)} for {name!r}" for name in absent)
    return Fault(
        where=f"masks in {folder}",
        got=f"255 in {ignored} of {masks} masks and {names} in none",
        expected="the index of the class, by its place in [classes] names",
        cure=f"255 means 'no label'; your masks seem to use it for {names}: write {writes}, then "
        f"begin with a new [project] state_dir if labels were read before",
    )


def _fault_of_unknown(folder: Path, classes: ClassSet, unknown: Sequence[int], masks: int) -> Fault:
    return Fault(
        where=f"masks in {folder}",
        got=f"the values {str(unknown[:8])[1:-1]} in some of {masks} masks",
        expected=f"0 to {len(classes) - 1}, the places of [classes] names, or 255 for 'no label'",
        cure="name all classes in [classes] names, or write other values",
    )


def _paths(folder: Path) -> Sequence[Path]:
    return sorted(islice(folder.rglob("*.png"), LOOKED_AT))


def _values(path: Path) -> Counts | None:
    """(256,) pixels of each value; None for what is no mask."""
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.mode not in ("L", "P"):
                return None
            return np.bincount(np.asarray(picture, np.uint8).ravel(), minlength=256)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
