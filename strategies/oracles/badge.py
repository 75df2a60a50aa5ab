"""badge: k-means++ with all distances computed for every pick."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.checks import need
from strategies.oracles.plain_lists import apart, by_id, ids_of


def select(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    """The longest gradient, then draws by the squared distance to the nearest pick."""
    vectors = need(pool, "gradients", "badge", "score it").tolist()
    rows, n = by_id(pool), min(n, len(pool))
    picked: list[int] = []
    while len(picked) < n:
        if not picked:
            picked.append(max(rows, key=lambda row: apart(vectors[row], [0.0] * len(vectors[row]))))
            continue
        left = [row for row in rows if row not in picked]
        weights = [min(apart(vectors[row], vectors[o]) for o in picked) ** 2 for row in left]
        if not any(weights):
            return ids_of(pool, [*picked, *rng.permutation(left)][:n])
        mark = rng.random() * sum(weights)
        for row, weight in zip(left, weights, strict=True):
            mark -= weight
            if mark < 0:
                picked.append(row)
                break
    return ids_of(pool, picked)
