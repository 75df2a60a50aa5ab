"""One image of each cluster without a label: the one nearest to its center."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import Numbers, distances, embeddings_of
from strategies.oracles.plain_clusters import select_by_clusters


def select(pool: Pool, n: int, rng: np.random.Generator, max_clusters: int = 500) -> list[int]:
    """The cost of an image is its distance to the center of its cluster."""

    def from_center(rows: list[int], center: Numbers) -> Numbers:
        return distances(embeddings_of(pool)[rows], center)

    return select_by_clusters(pool, n, rng, max_clusters, 1, from_center)
