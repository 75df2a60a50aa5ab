"""Two folds: each image belongs to one for ever, by a hash of its group."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from daemon.domain.errors import ExperimentRefused
from daemon.rules.validation_split import group_of

FOLDS = 2
MIN_LABELS = 30  # of both folds together
VALIDATION = 10  # of so many labels of a fold one fits the temperature
MIN_VALIDATION = 4


def fold_of(name: str, group_by: str) -> int:
    """0 or 1, the same in every run. Raises ConfigError for an expression that takes too long."""
    group = group_of(name, group_by) if group_by else name
    return int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % FOLDS


def folds_of(names: Sequence[str], group_by: str) -> tuple[list[str], list[str]]:
    """The names of both folds. Raises ExperimentRefused where they are too few or lie in one."""
    folds: tuple[list[str], list[str]] = ([], [])
    for name in names:
        folds[fold_of(name, group_by)].append(name)
    if len(names) < MIN_LABELS or min(map(len, folds)) < MIN_LABELS // 3:
        raise ExperimentRefused(
            f"the folds hold {len(folds[0])} and {len(folds[1])} labeled images; expected at least "
            f"{MIN_LABELS} together and {MIN_LABELS // 3} in each; label more, or leave out or "
            f"change --group-by"
        )
    return folds


def drawn(names: Sequence[str], most: int, seed: int) -> tuple[list[str], list[str]]:
    """(labeled, validation) of a fold: at most `most` of its names by a hash; 0: all of them."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).hexdigest())
    chosen = ranked[:most] if most else ranked
    count = min(max(len(chosen) // VALIDATION, MIN_VALIDATION), len(chosen) // 2)
    return chosen[count:], chosen[:count]
