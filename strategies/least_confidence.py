"""Images where the model trusts its own answer least.

Least confidence: Lewis & Gale, "A Sequential Algorithm for Training Text Classifiers", SIGIR 1994;
for several classes: Culotta & McCallum, AAAI 2005; Settles 2009, section 3.1. As `entropy`, over
the most uncertain 5 % of the pixels. With two classes it ranks as `margin` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import Pool
from strategies.checks import check, need
from strategies.explanations import DISTRUSTS, by_place
from strategies.ranking import largest_first


@dataclass(frozen=True)
class LeastConfidence:
    """Rank by 1 minus the largest probability; de-duplicate first."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, least confident first. O(N log N). Needs least_confidence."""
        check(pool, n)
        doubt = need(
            pool,
            "least_confidence",
            "least_confidence",
            "it comes with the first model; until then use kcenter",
        )
        return largest_first(pool, doubt, n)

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """How little the model trusts its answer, with the place in the pool."""
        doubt = need(pool, "least_confidence", "least_confidence", "score it")
        return by_place(pool, picks, doubt, DISTRUSTS)
