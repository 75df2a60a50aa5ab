"""Uniform random choice: the control arm, and the baseline that others have to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import Pool
from strategies.checks import check
from strategies.explanations import FAIR


@dataclass(frozen=True)
class Uniform:
    """Every image with the same chance, without replacement. Needs the ids only."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return min(n, N) ids in random order. O(N log N)."""
        check(pool, n)
        return [int(image) for image in rng.permutation(np.sort(pool.ids))[:n]]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """The same for all."""
        return [FAIR] * len(picks)
