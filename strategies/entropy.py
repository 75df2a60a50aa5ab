"""Most uncertain images first.

Pixel entropy: Shannon 1948; as a query: Settles, "Active Learning Literature Survey", 2009,
section 3.1. `Pool.uncertainty` is the mean over the most uncertain 5 % of the pixels, not over
the image: in fields nearly all pixels are easy soil, and an image mean only counts borders
(van Marrewijk et al. 2024, https://arxiv.org/abs/2404.02580).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import Pool
from strategies.checks import check, need
from strategies.explanations import more_uncertain


@dataclass(frozen=True)
class Entropy:
    """Rank by uncertainty alone; takes near-duplicates gladly, so de-duplicate first."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, most uncertain first. O(N log N). Needs uncertainty."""
        check(pool, n)
        uncertainty = need(
            pool, "uncertainty", "entropy", "it comes with the first model; until then use kcenter"
        )
        order = np.lexsort((pool.ids, -uncertainty))
        return [int(pool.ids[row]) for row in order[:n]]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """The percentile of the uncertainty."""
        return more_uncertain(pool, picks)
