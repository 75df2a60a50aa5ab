"""One image from each cluster of the pool that holds no label: the one nearest to its center.

Representative sampling: Xu et al., "Representative Sampling for Text Classification Using Support
Vector Machines", ECIR 2003; as a batch strategy for deep networks: Zhdanov, "Diverse mini-batch
Active Learning", 2019 (https://arxiv.org/abs/1901.05954), here without its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import Pool
from strategies.checks import check, check_count, need
from strategies.clusters import clustered
from strategies.distances import one_thread
from strategies.explanations import stands_for


@dataclass(frozen=True)
class KMeans:
    """Cluster pool and labeled images; clusters with the fewest labels first, then the largest.

    max_clusters: a whole number in [2, 2000]; there are as many clusters as labeled images and
    picks together, and no more than that.
    """

    max_clusters: int = 500

    def __post_init__(self) -> None:
        check_count("kmeans", "max_clusters", self.max_clusters, 2, 2000)

    @one_thread()
    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, O(N·K·D) for K clusters. Needs embeddings; a labeled image takes its cluster.

        Once every cluster has given one, those with the fewest go on with their next nearest.
        """
        check(pool, n)
        embeddings = need(pool, "embeddings", "kmeans", "embed the images first")
        n = min(n, len(pool))
        if n == 0:
            return []
        k = min(self.max_clusters, len(pool.labeled) + n)
        found = clustered(pool, embeddings, k, rng)
        rows = found.pick(n, 1, lambda members: np.sqrt(found.squared_gap[members]))
        return [int(pool.ids[row]) for row in rows]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """How much of the pool each pick stands for."""
        return stands_for(pool, picks)
