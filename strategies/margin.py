"""Images where the two most probable classes are nearly equal.

Margin sampling: Scheffer, Decomain & Wrobel, "Active Hidden Markov Models for Information
Extraction", IDA 2001; compared with its kin in Settles, "Active Learning Literature Survey", 2009,
section 3.1. As `entropy`, over the most uncertain 5 % of the pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import Pool
from strategies.checks import check, need
from strategies.explanations import HESITATES, by_place
from strategies.ranking import largest_first


@dataclass(frozen=True)
class Margin:
    """Rank by 1 minus the difference of the two largest probabilities; de-duplicate first."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, smallest difference first. O(N log N). Needs margin."""
        check(pool, n)
        margin = need(pool, "margin", "margin", "it comes with the first model; until then kcenter")
        return largest_first(pool, margin, n)

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """How much the model hesitates, with the place in the pool."""
        return by_place(pool, picks, need(pool, "margin", "margin", "score it"), HESITATES)
