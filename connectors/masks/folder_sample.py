"""Checks a sample of the masks of a folder before the first label.

255 means "no label" here; many tools write 255 for the one class of a binary mask. Such masks
would train and measure nothing but background.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, ClassSet, Fault
from daemon.domain.errors import MaskRefused
from daemon.pixels.masks import read_mask, values_of

SAMPLE = 64  # masks, spread over the folder
COMMON_SHARE = 0.5  # of the masks with 255: above it, 255 seems to mean a class

Flags = npt.NDArray[np.bool_]


def mask_faults(folder: Path, classes: ClassSet) -> Sequence[Fault]:
    """What is wrong with the values of the masks of a sample below `folder`. Masks that cannot be
    read are left out: they become faults when their task is read."""
    present = _present_values(folder)
    if not len(present):
        return []
    unknown = np.flatnonzero(present[:, len(classes) : IGNORE].any(axis=0)) + len(classes)
    if unknown.size:
        return [_fault_of_unknown(folder, classes, unknown.tolist(), len(present))]
    absent = _absent_classes(present, classes)
    if len(absent) >= len(classes) - 1 and (texts := _ignored_texts(present, classes)):
        got, cure = texts
        return [
            Fault(
                where=f"masks in {folder}",
                got=got,
                expected="the index of the class in [classes] names",
                cure=cure,
            )
        ]
    return []


def mask_notes(folder: Path, classes: ClassSet) -> Sequence[str]:
    """What may be wrong: a class is in no mask, while 255 is common."""
    present = _present_values(folder)
    if not len(present) or mask_faults(folder, classes):
        return []
    texts = _ignored_texts(present, classes)
    return [f"masks in {folder}: {'; '.join(texts)}"] if texts else []


def _ignored_texts(present: Flags, classes: ClassSet) -> tuple[str, str] | None:
    """Got and cure of a fault, where 255 is common and a class is in no mask."""
    absent, ignored = _absent_classes(present, classes), int(present[:, IGNORE].sum())
    if not absent or ignored <= COMMON_SHARE * len(present):
        return None
    names = " or ".join(repr(name) for name in absent)
    writes = ", ".join(f"{classes.names.index(name)} for {name!r}" for name in absent)
    return (
        f"255 in {ignored} of {len(present)} masks and {names} in none",
        f"255 means 'no label'; where your masks use 255 for {names}, write {writes}, and begin "
        f"with a new [project] state_dir if labels were read before",
    )


def _absent_classes(present: Flags, classes: ClassSet) -> Sequence[str]:
    return [name for row, name in enumerate(classes.names) if not present[:, row].any()]


def _present_values(folder: Path) -> Flags:
    """(M, 256): which values each readable mask of the sample holds."""
    paths = sorted(folder.rglob("*.png"))
    sample = islice(paths[:: max(1, len(paths) // SAMPLE)], SAMPLE)
    rows = [row for path in sample if (row := _values(path)) is not None]
    return np.stack(rows) if rows else np.zeros((0, 256), np.bool_)


def _fault_of_unknown(folder: Path, classes: ClassSet, unknown: Sequence[int], masks: int) -> Fault:
    return Fault(
        where=f"masks in {folder}",
        got=f"the values {str(unknown[:8])[1:-1]} in some of {masks} masks",
        expected=f"0 to {len(classes) - 1}, the indices of [classes] names, or 255 for 'no label'",
        cure="name all classes in [classes] names, or write other values",
    )


def _values(path: Path) -> Flags | None:
    """(256,): which values a mask holds; None for a file that is no mask."""
    try:
        values = values_of(read_mask(path))
    except MaskRefused:
        return None
    return np.isin(np.arange(256), values)
