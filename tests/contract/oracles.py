"""The slow, obvious versions of the strategies that draw or cluster: loops, and float64.

Only the fit of k-means itself is scikit-learn's, with the seed that the strategy takes from rng.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from strategies.base import Pool

TIE = 1e-6  # of a distance: what is that near is equal, and the lowest id goes first


def by_id(pool: Pool) -> list[int]:
    return sorted(range(len(pool)), key=lambda row: pool.ids[row])


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))


def slow_foreground_random(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    assert pool.class_share is not None
    held = {row: sum(map(float, pool.class_share[row][1:])) for row in range(len(pool))}
    drawn = [by_id(pool)[place] for place in rng.permutation(len(pool))]
    ranked = sorted(drawn, key=lambda row: held[row] < 0.001)  # stable: the order of the draw
    return [int(pool.ids[row]) for row in ranked[:n]]


def slow_rare_class(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    assert pool.class_share is not None
    share, rows = pool.class_share.astype(np.float64), by_id(pool)
    classes = range(1, share.shape[1])
    picked: list[int] = []
    while len(picked) < min(n, len(pool)):
        left = [row for row in rows if row not in picked]
        turns = [c for c in classes if any(share[row][c] > 0 for row in left)]
        if not turns:
            return [int(pool.ids[row]) for row in [*picked, *rng.permutation(left)]][:n]
        turn = min(
            turns, key=lambda c: (sum(share[r][c] for r in picked), sum(share[r][c] for r in rows))
        )
        mark = rng.random() * sum(share[row][turn] for row in left)
        for row in left:
            mark -= share[row][turn]
            if mark < 0:
                picked.append(row)
                break
    return [int(pool.ids[row]) for row in picked]


def centers_of(rows: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    seed = int(rng.integers(2**31))
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(k, n_init=1, max_iter=50, random_state=seed).fit(rows).cluster_centers_


def nearest(row: np.ndarray, centers: np.ndarray) -> int:
    return min(range(len(centers)), key=lambda c: apart(row, centers[c]))


Cost = Callable[[int, list[int], np.ndarray], float]


def by_clusters(pool: Pool, n: int, rng: np.random.Generator, least: int, cost: Cost) -> list[int]:
    """cost: of a row, among the rows of its cluster, and with the cluster's center."""
    assert pool.embeddings is not None
    n = min(n, len(pool))
    if n == 0:
        return []
    everything = np.concatenate([pool.labeled, pool.embeddings[by_id(pool)]])
    centers = centers_of(everything, min(len(pool.labeled) + n, len(everything)), rng)
    members: dict[int, list[int]] = {}
    for row in by_id(pool):
        members.setdefault(nearest(pool.embeddings[row], centers), []).append(row)
    taken = {c: sum(nearest(one, centers) == c for one in pool.labeled) for c in members}
    costs = {row: cost(row, rows, centers[c]) for c, rows in members.items() for row in rows}
    picked: list[int] = []
    while len(picked) < n:
        left = {c: [row for row in rows if row not in picked] for c, rows in members.items()}
        turn = min(
            (c for c in members if left[c]),
            key=lambda c: (
                len(members[c]) < least,
                taken[c],
                -len(members[c]),
                pool.ids[members[c][0]],
            ),
        )
        best = min(costs[row] for row in left[turn])
        picked.append(next(row for row in left[turn] if costs[row] <= best + TIE))
        taken[turn] += 1
    return [int(pool.ids[row]) for row in picked]


def slow_kmeans(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    def from_center(row: int, rows: list[int], center: np.ndarray) -> float:
        return apart(pool.embeddings[row], center)  # type: ignore[index]

    return by_clusters(pool, n, rng, 1, from_center)


def slow_typiclust(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    def from_neighbours(row: int, rows: list[int], center: np.ndarray) -> float:
        assert pool.embeddings is not None
        to = sorted(apart(pool.embeddings[row], pool.embeddings[o]) for o in rows if o != row)[:20]
        return sum(to) / len(to) if to else 0.0

    return by_clusters(pool, n, rng, 5, from_neighbours)
