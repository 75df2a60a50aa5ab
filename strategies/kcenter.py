"""Greedy k-center: leave no image far from a labeled one.

Sener & Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set Approach",
ICLR 2018, algorithm 1 (https://arxiv.org/abs/1708.00489); the greedy rule and its factor 2:
Gonzalez 1985.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import Pool
from strategies.checks import check, need
from strategies.coverage import farthest_rest
from strategies.explanations import less_like_labeled
from strategies.features import Features, check_features, compared_by


@dataclass(frozen=True)
class KCenter:
    """Pick, n times, the image farthest from every labeled or picked image.

    features: "image" or "foreground", whose embeddings are compared (strategies/features.py).
    """

    features: Features = "image"

    def __post_init__(self) -> None:
        check_features("kcenter", self.features)

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, farthest first. O(N·D) a pick at most, O(N) extra memory. Needs embeddings.

        Near ties are decided in float64 (`strategies.distances.exact_squared`), equal distances
        by the lower id. Without a labeled image every gap is infinite: the first pick is uniform.
        """
        check(pool, n)
        pool = compared_by(pool, self.features, "kcenter")
        embeddings = need(pool, "embeddings", "kcenter", "embed the images first")
        n = min(n, len(pool))
        rows: list[int] = []
        if n and not len(pool.labeled):
            rows.append(int(np.argsort(pool.ids)[rng.integers(len(pool))]))
        rows = farthest_rest(pool, embeddings, rows, n)
        return [int(pool.ids[row]) for row in rows]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """The percentile of the distance to the nearest labeled image, where there is one."""
        return less_like_labeled(compared_by(pool, self.features, "kcenter"), picks)
