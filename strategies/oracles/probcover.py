"""Balls of one radius: each pick covers most images that are not covered yet."""

from __future__ import annotations

import math

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import (
    MOST_SAMPLED,
    by_id,
    distances,
    drawn,
    embeddings_of,
    farthest,
    ids_of,
    to_nearest,
)
from strategies.oracles.plain_clusters import centers_of, nearest

MOST_COMPARED = 1024  # images that the radius is taken from
EDGE = math.sqrt(1 - 1e-3)  # of the radius: the edge itself is outside, whatever was rounded


def select(
    pool: Pool, n: int, rng: np.random.Generator, radius: float = 0.0, clusters: int = 20
) -> list[int]:
    """The balls of all images are counted anew for every pick; when all is covered, by k-center."""
    n = min(n, len(pool))
    if n == 0:
        return []
    embeddings, order = embeddings_of(pool), np.array(by_id(pool))
    radius = (radius or radius_of(pool, rng, clusters)) * EDGE
    targets = drawn(order, embeddings.shape[1], rng, MOST_SAMPLED)
    wanted = to_nearest(embeddings[targets], pool.labeled.astype(np.float64)) >= radius
    inside = np.stack([distances(embeddings[targets], embeddings[row]) < radius for row in order])
    picked: list[int] = []
    while len(picked) < n:
        count = (inside & wanted).sum(axis=1)  # by id
        best = int(count.argmax())  # the first: the lowest id
        if count[best] == 0:
            break
        picked.append(int(order[best]))
        wanted = wanted & ~inside[best]
    return ids_of(pool, farthest(pool, picked, n))


def radius_of(pool: Pool, rng: np.random.Generator, clusters: int) -> float:
    """The largest distance at which the balls of 95 % of the images are of one cluster only."""
    embeddings = embeddings_of(pool)
    order = np.array(by_id(pool))
    rows = drawn(order, embeddings.shape[1], rng, MOST_COMPARED)
    sample = pool.embeddings[rows]  # type: ignore[index]
    centers = centers_of(sample, min(clusters, max(1, len(rows) // 5)), rng)
    cluster = np.array([nearest(row, centers) for row in embeddings[rows]])
    table = np.stack([distances(embeddings[rows], row) for row in embeddings[rows]])
    other = cluster[:, None] != cluster

    def is_pure(radius: float) -> bool:
        return int((other & (table < radius)).any(axis=1).sum()) <= int(0.05 * len(rows))

    radii = [*np.unique(table).tolist(), math.inf]
    low, high = 0, len(radii) - 1  # the smallest radius is pure, since no image is nearer
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_pure(radii[middle]) else (low, middle - 1)
    return float(radii[low])
