"""The two folds of an audit of folders."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from daemon.domain.errors import ExperimentRefused
from daemon.rules.label_folds import MIN_LABELS, MIN_LABELS_OF_FOLD, are_large_enough, fold_of

VALIDATION = 10  # of so many labels of a fold one fits the temperature
MIN_VALIDATION = 4


def folds_of(names: Sequence[str], group_by: str) -> tuple[list[str], list[str]]:
    """The names of both folds. Raises ExperimentRefused where they are too few or lie in one."""
    folds: tuple[list[str], list[str]] = ([], [])
    for name in names:
        folds[fold_of(name, group_by)].append(name)
    if not are_large_enough((len(folds[0]), len(folds[1]))):
        raise ExperimentRefused(
            f"the folds hold {len(folds[0])} and {len(folds[1])} labeled images; expected at least "
            f"{MIN_LABELS} together and {MIN_LABELS_OF_FOLD} in each; label more, or leave out or "
            f"change --group-by"
        )
    return folds


def drawn(names: Sequence[str], most: int, seed: int) -> tuple[list[str], list[str]]:
    """(labeled, validation) of a fold: at most `most` of its names by a hash; 0: all of them."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).hexdigest())
    chosen = ranked[:most] if most else ranked
    count = min(max(len(chosen) // VALIDATION, MIN_VALIDATION), len(chosen) // 2)
    return chosen[count:], chosen[:count]
