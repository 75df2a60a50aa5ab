"""Classes take turns, the one with the fewest predicted pixels in the batch first."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import by_id, ids_of, wide


def select(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    """A turn draws one image, with a chance in proportion to its share of the class."""
    share, left = wide(pool.class_share, "class_share"), by_id(pool)
    total, batch = share.sum(axis=0), np.zeros(share.shape[1])
    picked: list[int] = []
    while len(picked) < min(n, len(pool)):
        turns = [c for c in range(1, share.shape[1]) if any(share[row, c] > 0 for row in left)]
        if not turns:
            return ids_of(pool, [*picked, *(left[at] for at in rng.permutation(len(left)))][:n])
        turn = min(turns, key=lambda c: (batch[c], total[c]))
        mark = rng.random() * sum(share[row, turn] for row in left)
        for row in left:
            mark -= share[row, turn]
            if mark < 0:
                break
        picked.append(row)
        left.remove(row)
        batch = batch + share[row]
    return ids_of(pool, picked)
