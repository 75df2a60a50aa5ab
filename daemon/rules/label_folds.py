"""Two folds of labeled images: each image belongs to one for ever, by a hash of its group."""

from __future__ import annotations

import hashlib

from daemon.rules.validation_split import group_of

FOLDS = 2
MIN_LABELS = 30  # of both folds together
MIN_LABELS_OF_FOLD = 10


def fold_of(name: str, group_by: str) -> int:
    """0 or 1, the same in every run. Raises ConfigError for an expression that takes too long."""
    group = group_of(name, group_by) if group_by else name
    return int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % FOLDS


def are_large_enough(sizes: tuple[int, int]) -> bool:
    """Whether models of folds of so many labels can judge each other's labels."""
    return sum(sizes) >= MIN_LABELS and min(sizes) >= MIN_LABELS_OF_FOLD
