"""The slow, obvious versions of the strategies that cover: all pairs, counted for every pick."""

from __future__ import annotations

import math

import numpy as np

from strategies.base import Pool
from tests.contract.oracles import apart, by_id, centers_of, nearest

Table = dict[tuple[int, int], float]


def table_of(pool: Pool) -> Table:
    """Distance of every two images."""
    assert pool.embeddings is not None
    rows = range(len(pool))
    return {(a, b): apart(pool.embeddings[a], pool.embeddings[b]) for a in rows for b in rows}


def to_labels(pool: Pool, row: int) -> float:
    assert pool.embeddings is not None
    return min((apart(pool.embeddings[row], one) for one in pool.labeled), default=math.inf)


def then_farthest(pool: Pool, picked: list[int], n: int, table: Table) -> list[int]:
    rows = list(picked)
    while len(rows) < n:
        left = [row for row in by_id(pool) if row not in rows]
        gap = {r: min([to_labels(pool, r), *(table[r, o] for o in rows)]) for r in left}
        rows.append(max(left, key=lambda row: gap[row]))  # the first: the lowest id
    return [int(pool.ids[row]) for row in rows]


def slow_probcover(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    n = min(n, len(pool))
    if n == 0:
        return []
    table, rows = table_of(pool), by_id(pool)
    radius = slow_radius(pool, table, rng) * (1 - 0.0005)  # the edge itself is outside
    covered = {row for row in rows if to_labels(pool, row) < radius}
    picked: list[int] = []
    while len(picked) < n:
        ball = {a: {b for b in rows if table[a, b] < radius} - covered for a in rows}
        best = max(rows, key=lambda row: len(ball[row]))
        if not ball[best]:
            break
        picked.append(best)
        covered |= ball[best]
    return then_farthest(pool, picked, n, table)


def slow_radius(pool: Pool, table: Table, rng: np.random.Generator) -> float:
    """The largest distance at which the balls of 95 % of the images are of one cluster only."""
    assert pool.embeddings is not None
    rows = by_id(pool)
    centers = centers_of(pool.embeddings[rows], min(20, max(1, len(rows) // 5)), rng)
    cluster = {row: nearest(pool.embeddings[row], centers) for row in rows}
    for radius in sorted({*table.values(), math.inf}, reverse=True):
        impure = [
            a for a in rows if any(table[a, b] < radius and cluster[a] != cluster[b] for b in rows)
        ]
        if len(impure) <= int(0.05 * len(rows)):
            return radius
    return 0.0


def slow_uherding(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    assert pool.embeddings is not None
    assert pool.uncertainty is not None
    n = min(n, len(pool))
    if n == 0:
        return []
    table, rows = table_of(pool), by_id(pool)
    width = max(slow_bandwidth(pool, table), 0.05)
    weight = [float(value) for value in pool.uncertainty]
    if not any(weight):
        weight = [1.0] * len(pool)
    close = [math.exp(-((to_labels(pool, row) / width) ** 2)) for row in range(len(pool))]
    picked: list[int] = []
    while len(picked) < n:
        gain = {
            a: sum(
                weight[b] * max(0.0, math.exp(-((table[a, b] / width) ** 2)) - close[b])
                for b in rows
            )
            for a in rows
            if a not in picked
        }
        top = max(gain.values())
        if top <= 1e-6 * sum(weight):
            break
        best = next(row for row in gain if gain[row] >= top * (1 - 1e-5))
        picked.append(best)
        close = [
            max(close[b], math.exp(-((table[best, b] / width) ** 2))) for b in range(len(pool))
        ]
    return then_farthest(pool, picked, n, table)


def slow_bandwidth(pool: Pool, table: Table) -> float:
    if len(pool.labeled) < 2:
        return float(np.median([far for (a, b), far in table.items() if a != b] or [0.0]))
    return float(
        np.median(
            [
                min(apart(a, b) for j, b in enumerate(pool.labeled) if j != i)
                for i, a in enumerate(pool.labeled)
            ]
        )
    )
