"""Uniform random choice among the images that are predicted to hold foreground.

The baseline that other strategies must beat where background fills most pixels: nnActive, 2025
(https://arxiv.org/abs/2511.19183), found none that reliably does on four sets of volumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, Pool
from strategies.checks import check, check_setting, need
from strategies.distances import BoolArray
from strategies.explanations import rows_of


@dataclass(frozen=True)
class ForegroundRandom:
    """Images with enough predicted foreground in random order, then the others likewise.

    least_share: in [0, 1], of the pixels that are predicted as any class but background (the
    first); an image needs at least that and more than none. 0.001 is a tenth of a percent.
    """

    least_share: float = 0.001

    def __post_init__(self) -> None:
        check_setting("foreground_random", "least_share", self.least_share, 0, 1)

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, O(N·C + N log N). Needs class_share; the images beyond the foreground ones
        are taken only where those are fewer than n."""
        check(pool, n)
        share = need(pool, "class_share", "foreground_random", "it comes with the first model")
        order = np.argsort(pool.ids)
        drawn = order[rng.permutation(len(pool))]
        holds = self._holds(foreground(share))[drawn]
        ranked = np.concatenate([drawn[holds], drawn[~holds]])
        return [int(pool.ids[row]) for row in ranked[:n]]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """The share of predicted foreground, or that there were no more such images."""
        share = foreground(need(pool, "class_share", "foreground_random", "train a model first"))
        shares = share[rows_of(pool, picks)]
        return [
            f"drawn at random from those predicted to hold foreground ({one:.1%} of its pixels)"
            if enough
            else "drawn at random; no more images are predicted to hold foreground"
            for one, enough in zip(shares, self._holds(shares), strict=True)
        ]

    def _holds(self, shares: FloatArray) -> BoolArray:
        return (shares >= self.least_share) & (shares > 0)


def foreground(share: FloatArray) -> FloatArray:
    """Share of the pixels of any class but the first: (N, C) to (N,)."""
    total: FloatArray = share[:, 1:].sum(axis=1)
    return total
