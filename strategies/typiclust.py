"""The most typical image of each cluster that holds no label: for the first few labels.

Hacohen, Dekel & Weinshall, "Active Learning on a Budget: Opposite Strategies Suit High and Low
Budgets", ICML 2022 (https://arxiv.org/abs/2202.02794): clusters as many as labels and picks, at
most 500; clusters of fewer than 5 images are left to the end; typicality is one over the mean
distance to the 20 nearest neighbours in the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.checks import check, check_count, need
from strategies.clusters import clustered
from strategies.distances import Points, blocks, one_thread, sample
from strategies.explanations import stands_for

SMALLEST = 5  # images of a cluster that is no outlier
MOST_COMPARED = 1024  # members of a large cluster that the others are compared with


@dataclass(frozen=True)
class TypiClust:
    """Clusters with the fewest labels first, then the largest; of each its densest image.

    max_clusters: a whole number in [2, 2000]. neighbours: of a typical image, [1, 200].
    """

    max_clusters: int = 500
    neighbours: int = 20

    def __post_init__(self) -> None:
        check_count("typiclust", "max_clusters", self.max_clusters, 2, 2000)
        check_count("typiclust", "neighbours", self.neighbours, 1, 200)

    @one_thread()
    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids. Needs embeddings; a labeled image takes its cluster.

        O(N·K·D) for K clusters, then O(N·min(N, 1024)·D): in a cluster of more than 1,024 images
        the neighbours are those of a uniform sample of it.
        """
        check(pool, n)
        embeddings = need(pool, "embeddings", "typiclust", "embed the images first")
        n = min(n, len(pool))
        if n == 0:
            return []
        k = min(self.max_clusters, len(pool.labeled) + n)
        found = clustered(pool, embeddings, k, rng)
        rows = found.pick(n, SMALLEST, lambda members: self._sparsity(embeddings, members, rng))
        return [int(pool.ids[row]) for row in rows]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """How much of the pool each pick is typical of."""
        return [f"typical; {words}" for words in stands_for(pool, picks)]

    def _sparsity(
        self, embeddings: FloatArray, members: IdArray, rng: np.random.Generator
    ) -> FloatArray:
        """Mean distance of each member (M,) to its nearest neighbours in the cluster: (M,)."""
        others = sample(members, embeddings.shape[1], rng, most=MOST_COMPARED)
        k = min(self.neighbours, len(others) - 1)
        if k == 0:
            return np.zeros(len(members), dtype=np.float32)
        points = Points(embeddings[others].astype(np.float64))
        means = []
        for rows in blocks(members, len(others) + embeddings.shape[1]):
            squared = points.squared_distances(embeddings[rows].astype(np.float64))
            squared[rows[:, None] == others] = np.inf  # nobody is a neighbour of itself
            means.append(np.sqrt(np.partition(squared, k - 1, axis=1)[:, :k]).mean(axis=1))
        sparsity: FloatArray = np.concatenate(means)
        return sparsity
