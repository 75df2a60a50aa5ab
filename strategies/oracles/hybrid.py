"""A weighted product of uncertainty and distance; near-duplicates of what is chosen come last."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import (
    Numbers,
    by_id,
    compared_by,
    distances,
    embeddings_of,
    ids_of,
    to_nearest,
    wide,
)


def select(
    pool: Pool,
    n: int,
    rng: np.random.Generator,
    uncertainty_weight: float = 0.5,
    min_distance: float = 0.05,
    features: str = "image",
) -> list[int]:
    """The product of every image is computed anew for every pick."""
    pool = compared_by(pool, features)
    n = min(n, len(pool))
    if n == 0:
        return []
    embeddings, unsure = embeddings_of(pool), wide(pool.uncertainty, "uncertainty")
    gap = to_nearest(embeddings, pool.labeled.astype(np.float64))
    picked: list[int] = []
    if not len(pool.labeled):
        picked.append(max(by_id(pool), key=lambda row: unsure[row]))
        gap = np.minimum(gap, distances(embeddings, embeddings[picked[0]]))
    start = np.delete(gap, picked)
    a, b = exponent(unsure, uncertainty_weight), exponent(start, 1 - uncertainty_weight)
    most_unsure, widest = largest(unsure), largest(start)
    while len(picked) < n:
        left = [row for row in by_id(pool) if row not in picked]
        far = [row for row in left if gap[row] >= min_distance] or left
        value = {row: (unsure[row] / most_unsure) ** a * (gap[row] / widest) ** b for row in far}
        picked.append(max(far, key=lambda row: (value[row], gap[row])))  # the first: the lowest id
        gap = np.minimum(gap, distances(embeddings, embeddings[picked[-1]]))
    return ids_of(pool, picked)


def exponent(values: Numbers, weight: float) -> float:
    """The weight over the relative spread, which counts as 0.01 at the least."""
    mean = values.mean() if len(values) else 0.0
    return float(weight / max(values.std() / mean, 0.01)) if mean > 0 else weight


def largest(values: Numbers) -> float:
    """The largest value; 1 where the mean is 0 or there is none."""
    return float(values.max()) if len(values) and values.mean() > 0 else 1.0
