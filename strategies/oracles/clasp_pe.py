"""clasp_pe: each class in turn gives its best image by the noisy score."""

from __future__ import annotations

import math

import numpy as np

from strategies.base import Pool
from strategies.checks import need
from strategies.oracles.plain_lists import by_id, ids_of


def select(pool: Pool, n: int, rng: np.random.Generator, noise_labels: int = 32) -> list[int]:
    """Classes with few labeled images first; images without a score last, at random."""
    score = need(pool, "class_uncertainty", "clasp_pe", "score it").tolist()
    classes = range(len(score[0])) if score else range(0)
    rows, n = by_id(pool), min(n, len(pool))
    labels = pool.signals.labels if pool.signals else len(pool.labeled)
    power = max(1.0, labels / noise_labels)
    noisy = []
    for one in classes:
        noise = rng.gumbel(size=len(rows))
        noisy.append(
            {
                row: math.log(score[row][one]) + noise[place] / power
                for place, row in enumerate(rows)
                if score[row][one] > 0
            }
        )
    held = [len(one) for one in noisy]
    if pool.signals and len(pool.signals.class_labels) == len(held):
        held = list(pool.signals.class_labels)
    order = sorted(classes, key=lambda one: (held[one], one))
    picked: list[int] = []
    while len(picked) < n and any(set(one) - set(picked) for one in noisy):
        for one in order:
            left = set(noisy[one]) - set(picked)
            if left and len(picked) < n:
                picked.append(max(left, key=lambda row: noisy[one][row]))
    rest = [row for row in rows if row not in picked]
    return ids_of(pool, [*picked, *rng.permutation(np.array(rest, dtype=int))][:n])
