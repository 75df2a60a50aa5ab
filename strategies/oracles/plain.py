"""What the oracles share: rows by id, distances in float64, and the draws that the rules allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strategies.base import FloatArray, IdArray, Pool

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
MOST_SAMPLED = 4096
SAMPLE_NUMBERS = 2**20  # of the embeddings of a sample: 4 MB in float32


def by_id(pool: Pool) -> list[int]:
    """The rows of a pool, the lowest id first."""
    return sorted(range(len(pool)), key=lambda row: int(pool.ids[row]))


def ids_of(pool: Pool, rows: list[int]) -> list[int]:
    """The ids of these rows."""
    return [int(pool.ids[row]) for row in rows]


def compared_by(pool: Pool, features: str) -> Pool:
    """The pool with the embeddings that images are compared by: "image" or "foreground"."""
    if features == "image":
        return pool
    return replace(pool, embeddings=pool.foreground_embeddings, labeled=pool.labeled_foreground)


def embeddings_of(pool: Pool) -> Numbers:
    """The embeddings in float64: (N, D). Raises ValueError where there are none."""
    return wide(pool.embeddings, "embeddings")


def wide(array: FloatArray | None, name: str) -> Numbers:
    """A field of a pool in float64. Raises ValueError where it is absent."""
    if array is None:
        raise ValueError(f"the pool has no {name}")
    return array.astype(np.float64)


def distances(rows: Numbers, point: Numbers) -> Numbers:
    """Of each row (N, D) to a point (D,): (N,)."""
    found: Numbers = np.linalg.norm(rows - point, axis=1)
    return found


def to_nearest(rows: Numbers, centers: Numbers) -> Numbers:
    """Distance of each row (N, D) to the nearest center (K, D): (N,); inf without any."""
    return np.array([distances(centers, row).min() if len(centers) else np.inf for row in rows])


def farthest(pool: Pool, picked: list[int], n: int) -> list[int]:
    """n rows: those picked, and then, one by one, the row farthest from them and all labels.

    Of rows as far the one with the lowest id.
    """
    embeddings, rows = embeddings_of(pool), list(picked)
    gap = to_nearest(embeddings, pool.labeled.astype(np.float64))
    for row in rows:
        gap = np.minimum(gap, distances(embeddings, embeddings[row]))
    while len(rows) < n:
        left = [row for row in by_id(pool) if row not in rows]
        rows.append(max(left, key=lambda row: gap[row]))  # the first: the lowest id
        gap = np.minimum(gap, distances(embeddings, embeddings[rows[-1]]))
    return rows


def drawn(rows: IdArray, dimensions: int, rng: np.random.Generator, most: int) -> IdArray:
    """The rows that stand for all: a uniform sample, in their order, where they are too many."""
    limit = min(most, max(1, SAMPLE_NUMBERS // max(1, dimensions)))
    if len(rows) <= limit:
        return rows
    return rows[np.sort(rng.choice(len(rows), size=limit, replace=False))]
