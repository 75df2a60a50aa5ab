"""What the oracles of the strategies that cluster share. The fit of k-means is scikit-learn's."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from strategies.base import FloatArray, Pool
from strategies.oracles.plain import (
    SAMPLE_NUMBERS,
    Numbers,
    by_id,
    distances,
    embeddings_of,
    ids_of,
)

TIE = 1e-6  # of a distance: what is that near is equal, and the lowest id goes first
LARGEST_SAMPLE = 20_000  # images that the centers are fitted on

# The cost of each of the rows of a cluster (M,), given its center (D,): (M,), least is best.
Cost = Callable[[list[int], Numbers], Numbers]


def select_by_clusters(
    pool: Pool, n: int, rng: np.random.Generator, most: int, least: int, cost: Cost
) -> list[int]:
    """The cluster with the fewest labels and picks gives its image of the least cost, n times.

    most: clusters. least: images of a cluster that is no outlier; smaller ones come last.
    """
    n = min(n, len(pool))
    if n == 0:
        return []
    rows = np.concatenate([pool.labeled, pool.embeddings[by_id(pool)]])  # type: ignore[index]
    k = min(most, len(pool.labeled) + n)
    centers = centers_of(sampled(rows, k, rng), k, rng)
    embeddings = embeddings_of(pool)
    members: dict[int, list[int]] = {}
    for row in by_id(pool):
        members.setdefault(nearest(embeddings[row], centers), []).append(row)
    theirs = [nearest(one, centers) for one in pool.labeled.astype(np.float64)]
    taken = {c: theirs.count(c) for c in members}
    costs: dict[int, Numbers] = {}
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
        if turn not in costs:
            costs[turn] = cost(members[turn], centers[turn])
        of_row = dict(zip(members[turn], costs[turn], strict=True))
        best = min(of_row[row] for row in left[turn])
        picked.append(next(row for row in left[turn] if of_row[row] <= best + TIE))
        taken[turn] += 1
    return ids_of(pool, picked)


def centers_of(rows: FloatArray, k: int, rng: np.random.Generator) -> Numbers:
    """At most k centers of k-means of rows (M, D), with a seed from rng: (K, D)."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    means = KMeans(min(k, len(rows)), n_init=1, max_iter=50, random_state=int(rng.integers(2**31)))
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        centers: Numbers = means.fit(rows).cluster_centers_.astype(np.float64)
    return centers


def sampled(rows: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
    """The rows that centers are fitted on: a uniform sample where they take more than 4 MB."""
    total = len(rows)
    size = min(total, LARGEST_SAMPLE, max(SAMPLE_NUMBERS // max(1, rows.shape[1]), total // 10, k))
    if size == total:
        return rows
    return rows[np.sort(rng.choice(total, size=size, replace=False))]


def nearest(row: Numbers, centers: Numbers) -> int:
    """The number of the center (K, D) that is nearest to a row (D,)."""
    return int(distances(centers, row).argmin())
