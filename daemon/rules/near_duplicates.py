"""Groups of near-duplicates, of which one image represents the others. Pure.

A greedy cover: images are taken in the order of their ids, and one is kept unless an image that
was kept before is at least as similar as the limit. Each image is compared with all that were
kept, so the work grows with the square of the pool. It is done in blocks, as products of matrices,
some tens of times faster than image by image; a large pool is left to a run
(daemon/stages/near_duplicates.py), which leaves out most comparisons of more than 50,000 images
(daemon/rules/similar_pairs.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]

BLOCK = 512  # images that are compared with the kept ones at once
COLUMNS = 8192  # kept images in one product: 16 MiB of similarities


def representatives(
    ids: IdArray,
    embeddings: FloatArray,
    *,
    similarity: float,
    known: FloatArray | None = None,
    progress: Callable[[int], None] = lambda images: None,
) -> list[int]:
    """One id of each group of near-duplicates, ascending; lower ids represent higher ones.

    ids: (N,). embeddings: (N, D), rows of unit length. known: (M, D), images that represent others
    from the beginning. An id is left out when an earlier representative, or one of `known`, has a
    cosine similarity of at least `similarity`, in (0, 1]. progress: called with the number of
    images that were compared so far.
    """
    order = np.argsort(ids, kind="stable")
    representing = np.empty((len(ids), embeddings.shape[1]), dtype=np.float32)
    kept: list[int] = []  # rows
    for start in range(0, len(order), BLOCK):
        rows = order[start : start + BLOCK]
        if known is not None:
            rows = rows[~any_similar(embeddings[rows], known, similarity)]
        rows = rows[~any_similar(embeddings[rows], representing[: len(kept)], similarity)]
        first = first_similar(embeddings[rows], similarity)
        new = rows[first == np.arange(len(rows))].tolist()
        representing[len(kept) : len(kept) + len(new)] = embeddings[new]
        kept += new
        progress(min(start + BLOCK, len(order)))
    return [int(ids[row]) for row in kept]


def any_similar(block: FloatArray, others: FloatArray, similarity: float) -> npt.NDArray[np.bool_]:
    """(B,): whether each row of the block (B, D) is as similar to any of the others (M, D)."""
    found = np.zeros(len(block), dtype=np.bool_)
    for start in range(0, len(others), COLUMNS):
        products = block @ others[start : start + COLUMNS].T
        found |= (products >= similarity).any(axis=1)
    return found


def first_similar(block: FloatArray, similarity: float) -> IdArray:
    """Of each row of a block (B, D) the one that represents it, itself or an earlier one: (B,).

    Each row that nobody represents represents the later ones that are as similar.
    """
    alike = block @ block.T >= similarity
    np.fill_diagonal(alike, val=True)
    first: IdArray = np.full(len(block), len(block))
    for row in np.flatnonzero(np.count_nonzero(alike, axis=1) > 1):
        if first[row] > row:
            first[alike[row] & (first > row)] = row
    np.minimum(first, np.arange(len(block)), out=first)
    return first
