"""The uniform draw."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool


def select(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    """A permutation of the ids in rising order, of which the first n are taken."""
    return [int(image) for image in rng.permutation(sorted(pool.ids.tolist()))[:n]]
