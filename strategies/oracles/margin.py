"""margin: sorted by the number."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.checks import need
from strategies.oracles.plain_lists import ranked


def select(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    """The n images with the largest margin score."""
    return ranked(pool, need(pool, "margin", "margin", "score it").tolist(), n)
