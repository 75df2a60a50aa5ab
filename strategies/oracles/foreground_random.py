"""The uniform draw among the images that are predicted to hold foreground."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import by_id, ids_of


def select(pool: Pool, n: int, rng: np.random.Generator, least_share: float = 0.001) -> list[int]:
    """A permutation, of which the images with enough foreground go first."""
    if pool.class_share is None:
        raise ValueError("the pool has no class_share")
    held = [float(row[1:].sum()) for row in pool.class_share]
    order = [by_id(pool)[position] for position in rng.permutation(len(pool))]
    enough = [row for row in order if held[row] >= least_share and held[row] > 0]
    return ids_of(pool, [*enough, *(row for row in order if row not in set(enough))][:n])
