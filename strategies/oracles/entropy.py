"""The most uncertain images first."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import ids_of, wide


def select(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    """Sorted by uncertainty, then by id."""
    unsure = wide(pool.uncertainty, "uncertainty")
    return ids_of(pool, sorted(range(len(pool)), key=lambda row: (-unsure[row], pool.ids[row]))[:n])
