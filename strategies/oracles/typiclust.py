"""One image of each cluster without a label: the one with the nearest neighbours."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import Numbers, distances, drawn, embeddings_of
from strategies.oracles.plain_clusters import select_by_clusters

SMALLEST = 5  # images of a cluster that is no outlier
MOST_COMPARED = 1024  # images of a large cluster that the others are compared with


def select(
    pool: Pool,
    n: int,
    rng: np.random.Generator,
    max_clusters: int = 500,
    neighbours: int = 20,
) -> list[int]:
    """The cost of an image is its mean distance to the nearest neighbours in its cluster."""

    def from_neighbours(rows: list[int], center: Numbers) -> Numbers:
        embeddings = embeddings_of(pool)
        others = drawn(np.array(rows), embeddings.shape[1], rng, MOST_COMPARED)
        count = min(neighbours, len(others) - 1)
        found = []
        for row in rows:
            to = np.sort(distances(embeddings[others[others != row]], embeddings[row]))[:count]
            found.append(to.mean() if len(to) else 0.0)
        return np.array(found)

    return select_by_clusters(pool, n, rng, max_clusters, SMALLEST, from_neighbours)
