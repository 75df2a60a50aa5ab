"""Cover as much of the pool as possible with balls of one radius.

ProbCover: Yehuda, Dekel, Hacohen & Weinshall, "Active Learning Through a Covering Lens", NeurIPS
2022 (https://arxiv.org/abs/2205.11320), algorithm 1, without its graph of N x N: the images that
are not covered yet are counted block by block, of a large pool a uniform sample of them.

The radius from the data, as there: the largest at which 95 % of the balls hold images of one
k-means cluster only. A ball of radius r is such a one until r reaches the nearest image of another
cluster, so it is the 5 % quantile of these distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.checks import check, check_count, check_setting, need
from strategies.clusters import fit_centers
from strategies.coverage import farthest_rest
from strategies.distances import BoolArray, Points, blocks, one_thread, sample
from strategies.explanations import stands_for

IMPURE = 0.05  # share of the balls that may hold images of several clusters
INSIDE = 1 - 1e-3  # of the squared radius: the edge itself is outside, whatever was rounded
CLUSTER = 5  # images a cluster, at the least, where the radius comes from the data
MOST_COMPARED = 1024


@dataclass(frozen=True)
class ProbCover:
    """Pick, n times, the image whose ball holds most images that no label or pick covers.

    radius: Euclidean, of L2-normalised embeddings, in [0, 2]; 0 takes it from the data.
    clusters: a whole number in [2, 500], of k-means, for a radius from the data: about how many
    kinds of images there are.
    """

    radius: float = 0.0
    clusters: int = 20

    def __post_init__(self) -> None:
        check_setting("probcover", "radius", self.radius, 0, 2)
        check_count("probcover", "clusters", self.clusters, 2, 500)

    @one_thread()
    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids. O(N·M·D) in all, M = min(N, 4096) images to be covered. Needs embeddings.

        Equal counts go by the lowest id. When all is covered, the farthest images follow.
        """
        check(pool, n)
        embeddings = need(pool, "embeddings", "probcover", "embed the images first")
        n = min(n, len(pool))
        if n == 0:
            return []
        order = np.argsort(pool.ids)
        radius = self.radius or self.radius_of(embeddings, order, rng)
        open_rows = sample(order, embeddings.shape[1], rng)
        open_rows = open_rows[~_near(embeddings, open_rows, pool.labeled, radius)]
        count = _count(embeddings, order, embeddings[open_rows], radius)  # (N,) by id
        rows: list[int] = []
        while len(rows) < n and count.max() > 0:
            best = int(count.argmax())  # the first of equal ones: the lowest id
            rows.append(int(order[best]))
            covered = _near(embeddings, open_rows, embeddings[rows[-1:]], radius)
            count -= _count(embeddings, order, embeddings[open_rows[covered]], radius)
            count[best] = -1
            open_rows = open_rows[~covered]
        return [int(pool.ids[row]) for row in farthest_rest(pool, embeddings, rows, n)]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """How much of the pool each pick stands for."""
        return stands_for(pool, picks)

    def radius_of(self, embeddings: FloatArray, order: IdArray, rng: np.random.Generator) -> float:
        """The radius from at most 1,024 images of the pool; inf where they are one cluster."""
        rows = embeddings[sample(order, embeddings.shape[1], rng, most=MOST_COMPARED)]
        k = min(self.clusters, max(1, len(rows) // CLUSTER))
        wide = rows.astype(np.float64)
        centers = fit_centers(rows.copy(), k, rng)
        cluster = Points(centers.astype(np.float64)).squared_distances(wide).argmin(axis=1)
        points, nearest = Points(wide), np.empty(len(rows))
        for block in blocks(np.arange(len(rows)), len(rows)):
            squared = points.squared_distances(wide[block])
            squared[cluster[block, None] == cluster] = np.inf
            nearest[block] = squared.min(axis=1)
        return float(np.sqrt(np.sort(nearest)[int(IMPURE * len(rows))]))


def _near(embeddings: FloatArray, rows: IdArray, centers: FloatArray, radius: float) -> BoolArray:
    """Which of the rows (M,) lie within the radius of any center (K, D): (M,) bool."""
    near = np.zeros(len(rows), dtype=np.bool_)
    if len(centers):
        points, start = Points(centers), 0
        for block in blocks(rows, len(centers) + embeddings.shape[1]):
            squared = points.squared_distances(embeddings[block])
            near[start : start + len(block)] = (squared < radius**2 * INSIDE).any(axis=1)
            start += len(block)
    return near


def _count(embeddings: FloatArray, order: IdArray, targets: FloatArray, radius: float) -> IdArray:
    """How many targets (M, D) lie within the radius of each image, by id: (N,)."""
    count = np.zeros(len(order), dtype=np.int64)
    if len(targets):
        points, start = Points(targets), 0
        for block in blocks(order, len(targets) + embeddings.shape[1]):
            squared = points.squared_distances(embeddings[block])
            inside = squared < radius**2 * INSIDE
            count[start : start + len(block)] = np.count_nonzero(inside, axis=1)
            start += len(block)
    return count
