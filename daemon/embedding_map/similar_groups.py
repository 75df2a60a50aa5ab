"""Groups of near-duplicates among all images, for the colours of the map.

Images are compared in cells of near ones, several times with other cells
(daemon/rules/similar_pairs.py). A pair that no cell holds is missed: for a picture of the pool that
does; what may be asked is decided by daemon/stages/near_duplicates.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from daemon.rules.near_duplicates import first_similar
from daemon.rules.similar_pairs import cells
from daemon.runs.map_files import FloatArray, IdArray

MOST_IMAGES = 200_000  # beyond, their vectors are too much for memory
ROUNDS = 5
EXACT = 4096  # up to as many, each image is compared with all others


def similar_groups(
    ids: IdArray, vectors: FloatArray, *, similarity: float, rng: np.random.Generator
) -> IdArray:
    """Of each image the lowest id of its group, -1 for one that is like no other: (N,) int64.

    ids: (N,) rising. vectors: (N, D) of unit length. similarity: in (0, 1]. A group is an image
    with those that it represents (daemon/rules/near_duplicates.py); of many images, groups that
    share one are joined.
    """
    if not len(ids):
        return np.empty(0, dtype=np.int64)
    first, second = (
        np.concatenate(side) for side in zip(*_pairs(vectors, similarity, rng), strict=True)
    )
    graph = coo_array((np.ones(len(first), np.bool_), (first, second)), shape=(len(ids), len(ids)))
    _, label = connected_components(graph, directed=False)
    _, lowest, sizes = np.unique(label, return_index=True, return_counts=True)
    return np.where(sizes[label] > 1, ids[lowest[label]], -1)


def _pairs(
    vectors: FloatArray, similarity: float, rng: np.random.Generator
) -> Iterator[tuple[IdArray, IdArray]]:
    """Rows of similar images, each with the first one of its cell that it is like."""
    everything = np.arange(len(vectors))
    small = len(vectors) <= EXACT
    for _ in range(1 if small else ROUNDS):
        for cell in [everything] if small else cells(vectors, everything, rng):
            first = first_similar(vectors[cell], similarity)
            other = first < np.arange(len(first))
            yield cell[first[other]], cell[other]
