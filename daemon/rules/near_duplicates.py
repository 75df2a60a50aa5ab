"""Heaps of images that are too alike, of which one is enough. Pure.

The rule is that of a list that grows: an image joins it unless one that is on it already is as
similar. That takes a comparison of each image with the whole list, so the work grows with the
square of the pool; it is done in blocks, as products of matrices, some tens of times faster than
image by image, and a large pool is left to a run (daemon/stages/near_duplicates.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]

BLOCK = 512  # images that are compared with the list at once
LISTED = 8192  # images of the list in one product, 16 MiB of similarities


def representatives(
    ids: IdArray,
    embeddings: FloatArray,
    *,
    similarity: float,
    known: FloatArray | None = None,
    done: Callable[[int], None] = lambda images: None,
) -> list[int]:
    """One id of each heap of near-duplicates, ascending; lower ids represent higher ones.

    An id is left out when an earlier representative, or one of `known`, is at least `similarity`
    alike by the cosine. embeddings: (N, D), rows of unit length, as those of known (M, D), which
    are on the list from the beginning. done: is told how many images were looked at so far.
    """
    order = np.argsort(ids, kind="stable")
    listed = np.empty((len(ids), embeddings.shape[1]), dtype=np.float32)
    kept: list[int] = []  # rows
    for start in range(0, len(order), BLOCK):
        rows = order[start : start + BLOCK]
        if known is not None:
            rows = rows[~_any_alike(embeddings[rows], known, similarity)]
        rows = rows[~_any_alike(embeddings[rows], listed[: len(kept)], similarity)]
        new = [int(rows[place]) for place in _first_of_heaps(embeddings[rows], similarity)]
        listed[len(kept) : len(kept) + len(new)] = embeddings[new]
        kept += new
        done(min(start + BLOCK, len(order)))
    return [int(ids[row]) for row in kept]


def _any_alike(block: FloatArray, others: FloatArray, similarity: float) -> npt.NDArray[np.bool_]:
    """Whether each row of the block is as similar to any of the others."""
    found = np.zeros(len(block), dtype=np.bool_)
    for start in range(0, len(others), LISTED):
        products = block @ others[start : start + LISTED].T
        found |= (products >= similarity).any(axis=1)
    return found


def _first_of_heaps(block: FloatArray, similarity: float) -> Sequence[int]:
    """The places of a block that stay when each takes out those behind it that are like it."""
    alike = block @ block.T >= similarity
    free = np.ones(len(block), dtype=np.bool_)
    kept = []
    for place in range(len(block)):
        if free[place]:
            kept.append(place)
            free &= ~alike[place]
    return kept
