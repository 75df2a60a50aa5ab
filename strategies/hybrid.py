"""Uncertain and unlike what is labeled: a weighted product of both.

A product of a base query and a diversity term: Settles & Craven, "An Analysis of Active Learning
Strategies for Sequence Labeling Tasks", EMNLP 2008, equation 16 (information density), here
with the distance to the nearest labeled or picked image in the place of the density, kept up to
date pick by pick as in k-center.

Each exponent is divided by the relative spread of its factor over the pool (standard deviation
over mean; ours): in a plain product the factor that varies more decides alone. On a demo after its
first training the spreads were 0.0008 and 0.47, and the weights 0.25, 0.5 and 0.75 all gave the
batch of k-center.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.checks import check, check_setting, need
from strategies.coverage import Coverage, best_row
from strategies.explanations import less_like_labeled, more_uncertain
from strategies.features import Features, check_features, compared_by

LEAST_SPREAD = 0.01  # a factor that varies by less says nothing, and is not blown up
DIAMETER = 2.0  # of the unit sphere: the largest distance of L2-normalised embeddings


@dataclass(frozen=True)
class Hybrid:
    """Rank by uncertainty^a · gap^b; near-duplicates of what is chosen come last.

    uncertainty_weight: w in [0, 1]; a = w / spread of uncertainty, b = (1-w) / spread of the gap at
    the start, a spread below 0.01 counting as 0.01. 0 is k-center, 1 is entropy with the guard, 0.5
    gives both the same say.
    min_distance: Euclidean, of L2-normalised embeddings, in [0, 2]; an image nearer than that to
    a labeled or picked one is a near-duplicate. 0.05 is a cosine of 0.99875; 0 guards nothing.
    features: "image" or "foreground", whose embeddings are compared (strategies/features.py).
    """

    uncertainty_weight: float = 0.5
    min_distance: float = 0.05
    features: Features = "image"

    def __post_init__(self) -> None:
        check_features("hybrid", self.features)
        check_setting("hybrid", "uncertainty_weight", self.uncertainty_weight, 0, 1)
        check_setting("hybrid", "min_distance", self.min_distance, 0, DIAMETER)

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, best product first. O(N·D) a pick, O(N) extra memory.

        Needs uncertainty and embeddings: without a model (cycle 0) it refuses, use kcenter there.
        Without a labeled image the first pick is the most uncertain one. Equal products go by the
        larger gap, then by the lower id. When only near-duplicates are left, they are taken in
        the same order, so min(n, N) ids come back always.
        """
        check(pool, n)
        pool = compared_by(pool, self.features, "hybrid")
        embeddings = need(pool, "embeddings", "hybrid", "embed the images first")
        uncertainty = need(
            pool, "uncertainty", "hybrid", "it comes with the first model; until then use kcenter"
        )
        n = min(n, len(pool))
        if n == 0:
            return []
        coverage = Coverage(pool.ids, embeddings, pool.labeled)
        rows: list[int] = []
        if len(pool.labeled) == 0:
            rows.append(best_row(uncertainty, pool.ids))
            coverage.pick(rows[0])
        unsure = Factor.of(uncertainty, self.uncertainty_weight)
        far = Factor.of(coverage.gaps_left(), 1 - self.uncertainty_weight)
        weighted = unsure(uncertainty)  # (N,)
        for _ in range(n - len(rows)):
            rows.append(self._best(coverage.squared_gap, weighted, far, pool.ids))
            coverage.pick(rows[-1])
        return [int(pool.ids[row]) for row in rows]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """Both factors, as percentiles."""
        pool = compared_by(pool, self.features, "hybrid")
        words = zip(more_uncertain(pool, picks), less_like_labeled(pool, picks), strict=True)
        return ["; ".join(both) for both in words]

    def _best(
        self, squared_gap: FloatArray, weighted: FloatArray, far: Factor, ids: IdArray
    ) -> int:
        left = np.flatnonzero(squared_gap >= self.min_distance**2)
        if not left.size:
            left = np.flatnonzero(squared_gap >= 0)
        gap = squared_gap[left]
        value = weighted[left] * far(np.sqrt(gap))
        top: IdArray = left[value == value.max()]
        return int(top[best_row(squared_gap[top], ids[top])])


@dataclass(frozen=True)
class Factor:
    """One factor of the product: (x / largest)^exponent, 0 where x is 0 or below."""

    largest: float
    exponent: float

    @classmethod
    def of(cls, values: FloatArray, weight: float) -> Factor:
        """Scale a factor by its relative spread over the pool, (N,) values.

        Summed in order of size, so that shuffled rows give the same bits.
        """
        ordered = np.sort(values).astype(np.float64)
        mean = ordered.mean() if ordered.size else 0.0
        if mean <= 0:
            return cls(largest=1.0, exponent=weight)
        return cls(
            largest=float(ordered[-1]), exponent=weight / max(ordered.std() / mean, LEAST_SPREAD)
        )

    def __call__(self, values: FloatArray) -> FloatArray:
        """Weigh values (N,): 1 for the largest of the pool."""
        scaled: FloatArray = np.maximum(values / self.largest, 0) ** self.exponent
        return scaled
