"""Uncertain and unlike what is labeled: a weighted product of both.

A product of a base query and a diversity term: Settles & Craven, "An Analysis of Active Learning
Strategies for Sequence Labeling Tasks", EMNLP 2008, equation 16 (information density), here
with the distance to the nearest labeled or picked image in the place of the density, kept up to
date pick by pick as in k-center.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strategies.base import FloatArray, Pool
from strategies.checks import check, check_setting, need
from strategies.coverage import Coverage, best_row

DIAMETER = 2.0  # of the unit sphere: the largest distance of L2-normalised embeddings


@dataclass(frozen=True)
class Hybrid:
    """Rank by uncertainty^w · gap^(1-w); near-duplicates of what is chosen come last.

    uncertainty_weight: w in [0, 1]; 0 is k-center, 1 is entropy with the guard.
    min_distance: Euclidean, of L2-normalised embeddings, in [0, 2]; an image nearer than that to
    a labeled or picked one is a near-duplicate. 0.05 is a cosine of 0.99875; 0 guards nothing.
    """

    uncertainty_weight: float = 0.5
    min_distance: float = 0.05

    def __post_init__(self) -> None:
        check_setting("hybrid", "uncertainty_weight", self.uncertainty_weight, 0, 1)
        check_setting("hybrid", "min_distance", self.min_distance, 0, DIAMETER)

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, best product first. O(N·D) a pick, O(N) extra memory.

        Needs uncertainty and embeddings: without a model (cycle 0) it refuses, use kcenter there.
        Equal products go by the larger gap, then by the lower id. When only near-duplicates are
        left, they are taken in the same order, so min(n, N) ids come back always.
        """
        check(pool, n)
        embeddings = need(pool, "embeddings", "hybrid", "embed the images first")
        uncertainty = need(
            pool, "uncertainty", "hybrid", "it comes with the first model; until then use kcenter"
        )
        coverage = Coverage(pool.ids, embeddings, pool.labeled)
        # `check` lets rounding pass the ends of [0, 1]; a root of -1e-9 would be NaN
        unsure = np.clip(uncertainty, 0, 1) ** self.uncertainty_weight  # (N,)
        rows: list[int] = []
        for _ in range(min(n, len(pool))):
            rows.append(self._best(coverage.squared_gap, unsure, pool))
            coverage.pick(rows[-1])
        return [int(pool.ids[row]) for row in rows]

    def _best(self, squared_gap: FloatArray, unsure: FloatArray, pool: Pool) -> int:
        near = squared_gap < self.min_distance**2
        left = np.flatnonzero(~near)
        if not left.size:
            left = np.flatnonzero(squared_gap >= 0)
        gap = squared_gap[left]
        if np.isinf(gap).all():  # there is no center yet: only uncertainty tells images apart
            gap = np.ones_like(gap)
        value = unsure[left] * gap ** ((1 - self.uncertainty_weight) / 2)
        top: npt.NDArray[np.int64] = left[value == value.max()]
        return int(top[best_row(squared_gap[top], pool.ids[top])])
