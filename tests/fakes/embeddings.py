"""Embeddings whose similarities are known, and their near-duplicates, found the slow way."""

from __future__ import annotations

import numpy as np

from daemon.rules.near_duplicates import FloatArray, IdArray


def unit(*degrees: float) -> np.ndarray:
    """Unit vectors of these angles, (N, 2): their cosine similarity is that of the difference."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def one_by_one(ids: IdArray, embeddings: FloatArray, similarity: float) -> list[int]:
    """As one writes it first: each image against all that are kept."""
    kept: list[int] = []
    for row in np.argsort(ids, kind="stable"):
        if not kept or float((embeddings[kept] @ embeddings[row]).max()) < similarity:
            kept.append(int(row))
    return [int(ids[row]) for row in kept]
