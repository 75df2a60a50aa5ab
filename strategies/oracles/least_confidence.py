"""least_confidence: sorted by the number."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.checks import need
from strategies.oracles.plain_lists import ranked


def select(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    """The n images that are least confident."""
    doubt = need(pool, "least_confidence", "least_confidence", "score it")
    return ranked(pool, doubt.tolist(), n)
