"""k-center: each pick is the image farthest from every labeled or picked one."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import by_id, compared_by, farthest, ids_of


def select(pool: Pool, n: int, rng: np.random.Generator, features: str = "image") -> list[int]:
    """The distances are taken anew after every pick. Without a label the first pick is uniform."""
    pool = compared_by(pool, features)
    n = min(n, len(pool))
    start = [by_id(pool)[int(rng.integers(len(pool)))]] if n and not len(pool.labeled) else []
    return ids_of(pool, farthest(pool, start, n))
