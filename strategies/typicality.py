"""How typical each image is of its pool: how near its nearest neighbours are.

Typicality: Hacohen et al. 2022 (https://arxiv.org/abs/2202.02794), one over the mean distance to
the nearest neighbours; here one over 1 + distance, so that copies of one image do not outweigh all.
"""

from __future__ import annotations

import numpy as np

from strategies.base import FloatArray, IdArray
from strategies.distances import Numbers, Points, blocks, sample

NEIGHBOURS = 20
MOST_COMPARED = 2048  # images of a large pool that the others are compared with
DECIMALS = 6  # what differs by less counts as equal, since products round


def typicality(embeddings: FloatArray, order: IdArray, rng: np.random.Generator) -> Numbers:
    """1 / (1 + mean distance to the nearest neighbours) of each image, in (0, 1]: (N,) by row.

    order: the rows by id. The neighbours are the 20 nearest, or a tenth of the images in a small
    pool; of a large one, of a uniform sample. O(N·M·D), M = min(N, 2048).
    """
    others = sample(order, embeddings.shape[1], rng, most=MOST_COMPARED)
    nearest = min(NEIGHBOURS, max(1, len(others) // 10), len(others) - 1)
    found = np.ones(len(order))
    if nearest < 1:
        return found
    points = Points(embeddings[others].astype(np.float64))
    for rows in blocks(order, len(others) + embeddings.shape[1]):
        squared = points.squared_distances(embeddings[rows].astype(np.float64))
        squared[rows[:, None] == others] = np.inf  # nobody is a neighbour of itself
        distance = np.sqrt(np.partition(squared, nearest - 1, axis=1)[:, :nearest]).mean(axis=1)
        found[rows] = np.round(1 / (1 + distance), DECIMALS)
    return found
