"""k-means clusters of a pool and of its labeled images, the same for shuffled rows.

scikit-learn fits the centers, on a uniform sample where the pool is large, in one thread: several
add their sums in any order, which changes bits from run to run. It is imported where it computes,
so that the daemon starts without it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.distances import SAMPLE_NUMBERS, Numbers, Points, blocks, one_thread

LARGEST_SAMPLE = 20_000
MOST_STEPS = 50  # of Lloyd's algorithm
TIE = (
    1e-6  # of a distance in float64: nearer than that counts as equal, and the lowest id goes first
)


@dataclass(frozen=True)
class Clusters:
    """The images of a pool in clusters, numbered by their lowest id.

    members: rows of the pool, by id. squared_gap: (N,) float64, of each row to its center.
    labeled: (K,), how many labeled images each cluster holds.
    """

    members: list[IdArray]
    squared_gap: Numbers
    labeled: IdArray

    def turns(self, n: int, least: int) -> Iterator[int]:
        """The cluster that gives the next image, n times (n <= N).

        The one with the fewest labeled or given images; of those the largest, then the one with
        the lowest id. Clusters of fewer than `least` images come last.
        """
        sizes = np.array([len(rows) for rows in self.members], dtype=np.int64)
        left, taken = sizes.copy(), self.labeled.copy()
        for _ in range(n):
            order = np.lexsort((-sizes, taken, sizes < least, left == 0))  # stable: lowest id last
            left[order[0]] -= 1
            taken[order[0]] += 1
            yield int(order[0])

    def pick(self, n: int, least: int, cost: Callable[[IdArray], Numbers]) -> list[int]:
        """Rows of n images: each cluster on its turn gives its member of the least cost.

        cost: of rows (M,) of one cluster, by id, to (M,) numbers; asked once a cluster.
        """
        costs: dict[int, Numbers] = {}
        rows: list[int] = []
        for cluster in self.turns(n, least):
            if cluster not in costs:
                costs[cluster] = cost(self.members[cluster]).astype(np.float64)
            best = int(np.argmax(costs[cluster] <= costs[cluster].min() + TIE))
            costs[cluster][best] = np.inf
            rows.append(int(self.members[cluster][best]))
        return rows


def clustered(pool: Pool, embeddings: FloatArray, k: int, rng: np.random.Generator) -> Clusters:
    """At most k clusters of the pool and its labeled images together; N >= 1, k >= 1.

    O(N·k·D). Beside a sample of a tenth of the pool (4 MB at least, 20,000 images at most) it
    keeps a few numbers an image.
    """
    order = np.argsort(pool.ids)
    centers = Points(_centers_of(embeddings, order, pool.labeled, k, rng).astype(np.float64))
    nearest = np.empty(len(order), dtype=np.int64)  # (N,) by id
    gap = np.empty(len(order))  # (N,) by row
    start = 0
    for rows in blocks(order, len(centers) + embeddings.shape[1]):
        squared = centers.squared_distances(embeddings[rows].astype(np.float64))
        nearest[start : start + len(rows)] = squared.argmin(axis=1)
        gap[rows] = squared.min(axis=1)
        start += len(rows)
    found, first = np.unique(nearest, return_index=True)
    found = found[np.argsort(first)]  # by their lowest id
    labeled = np.bincount(_nearest(pool.labeled, centers), minlength=len(centers))
    return Clusters([order[nearest == one] for one in found], gap, labeled[found])


def fit_centers(rows: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
    """Centers of k-means (k-means++ start) of rows (M, D), at most k; (K, D). Seeded from rng."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    means = KMeans(
        min(k, len(rows)),
        n_init=1,
        max_iter=MOST_STEPS,
        random_state=int(rng.integers(2**31)),
        copy_x=False,
    )
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct images than k
        centers: FloatArray = means.fit(rows).cluster_centers_
    return centers


def _centers_of(
    embeddings: FloatArray, order: IdArray, labeled: FloatArray, k: int, rng: np.random.Generator
) -> FloatArray:
    total, dimensions = len(labeled) + len(order), max(1, embeddings.shape[1])
    size = min(total, LARGEST_SAMPLE, max(SAMPLE_NUMBERS // dimensions, total // 10, k))
    drawn: IdArray = np.arange(total)
    if size < total:
        drawn = np.sort(rng.choice(total, size=size, replace=False))
    mine = drawn[drawn >= len(labeled)] - len(labeled)
    rows = np.empty((size, embeddings.shape[1]), dtype=np.float32)
    theirs = size - len(mine)
    if theirs:
        rows[:theirs] = labeled[drawn[:theirs]]
    np.take(embeddings, order[mine], axis=0, out=rows[theirs:], mode="clip")  # without a copy
    return fit_centers(rows, k, rng)


def _nearest(labeled: FloatArray, centers: Points) -> IdArray:
    if not len(labeled):
        return np.empty(0, dtype=np.int64)
    width = len(centers) + labeled.shape[1]
    return np.concatenate(
        [
            centers.squared_distances(labeled[rows].astype(np.float64)).argmin(axis=1)
            for rows in blocks(np.arange(len(labeled)), width)
        ]
    )
