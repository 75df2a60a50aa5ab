"""One image of each group of near-duplicates, where there are too many images to compare all.

Images are compared in cells of near ones only, in several rounds with other cells. A cell comes
from random directions: the images are halved at the median of their products with the first one,
the halves with the second one, and so on (random projection trees: Dasgupta & Freund 2008). A pair
of near-duplicates that one round parts is together in another. Only images that are still kept go
into the next round, and once few are left, all of these are compared, which shows that nothing was
missed. Nearest-neighbour graphs (NN-descent) took some thirty times as long on such pools, and list
only so many neighbours, fewer than a group may have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from daemon.rules.near_duplicates import (
    BLOCK,
    FloatArray,
    IdArray,
    any_similar,
    first_similar,
    representatives,
)

MOST_COMPARED = 50_000  # images of which each is compared with all that are kept
CELL = 512  # images, at the most, that are compared with each other
ROUNDS = 12


def representatives_of_many(
    ids: IdArray,
    embeddings: FloatArray,
    *,
    similarity: float,
    known: FloatArray,
    rng: np.random.Generator,
    progress: Callable[[int], None] = lambda images: None,
) -> list[int]:
    """One id of each group of near-duplicates, ascending: as `representatives`, which see.

    They are the same where at most 50,000 images are kept. Where more are, some of these may be
    similar to each other, as a pair is found only if it fell into one cell. Every image that is
    left out is similar to one that is kept or known, and no image that is kept to a known one.
    """
    order = np.argsort(ids, kind="stable")
    free = [b[~any_similar(embeddings[b], known, similarity)] for b in _blocks(order, BLOCK)]
    images = Images(embeddings, np.concatenate([order[:0], *free]), similarity)
    rounds = 0
    while True:
        if len(images.kept) <= MOST_COMPARED:
            if not images.compare_all():
                break
        elif rounds < ROUNDS:
            images.compare_in_cells(rng)
            rounds += 1
            progress(len(ids) * rounds // (ROUNDS + 1))
        else:
            break
    progress(len(ids))
    return [int(image_id) for image_id in ids[images.rows[images.kept]]]


class Images:
    """Which images are kept, by the pairs of similar ones that are known so far.

    rows: (N,) of the embeddings, by id; a place is an index of them. kept: (K,) places, ascending,
    that no kept place represents. Once no two of these are similar, they are the greedy cover: by
    induction over the places, as each other one has a kept representative before it.
    """

    def __init__(self, embeddings: FloatArray, rows: IdArray, similarity: float) -> None:
        self._embeddings, self.rows, self._similarity = embeddings, rows, similarity
        self._pairs: IdArray = np.empty(
            (0, 2), dtype=np.int64
        )  # places: an image, and its representative
        self.kept: IdArray = np.arange(len(rows))

    def compare_in_cells(self, rng: np.random.Generator) -> None:
        """Find similar ones among those that are kept and fall into one random cell."""
        found = []
        for cell in cells(self._embeddings, self.rows[self.kept], rng):
            places = self.kept[cell]
            first = first_similar(self._embeddings[self.rows[places]], self._similarity)
            other = first < np.arange(len(first))
            found.append(np.stack([places[other], places[first[other]]], axis=1))
        self._add(np.concatenate(found))

    def compare_all(self) -> bool:
        """Find whatever is similar to a lower one of those that are kept; whether there was any."""
        vectors = self._embeddings[self.rows[self.kept]]
        still = representatives(np.arange(len(vectors)), vectors, similarity=self._similarity)
        gone = np.setdiff1d(np.arange(len(vectors)), still)
        nearest = [_nearest_before(vectors, some, np.array(still)) for some in _blocks(gone, BLOCK)]
        if nearest:
            places = np.stack([gone, np.concatenate(nearest)], axis=1)
            self._add(self.kept[places])
        return bool(nearest)

    def _add(self, pairs: IdArray) -> None:
        """Decide again which are kept: each place after those that may represent it."""
        table = np.concatenate([self._pairs, pairs])
        self._pairs = table[np.argsort(table[:, 0], kind="stable")]
        kept = bytearray(b"\1" * len(self.rows))
        for place, representative in self._pairs.tolist():
            if kept[representative]:
                kept[place] = 0
        self.kept = np.flatnonzero(np.frombuffer(kept, dtype=np.uint8))


def cells(embeddings: FloatArray, rows: IdArray, rng: np.random.Generator) -> Iterator[IdArray]:
    """Cells of near ones of rows (N,), N >= 1: indexes of rows, ascending, (C,) each.

    Each index is in one cell.
    """
    levels = max(0, math.ceil(math.log2(max(1, len(rows)) / CELL)))
    directions = rng.standard_normal((embeddings.shape[1], levels), dtype=np.float32)
    products = np.concatenate([embeddings[some] @ directions for some in _blocks(rows, BLOCK)])
    parts: list[IdArray] = [np.arange(len(rows))]
    for level in range(levels):
        parts = [half for part in parts for half in _halves(part, products[part, level])]
    for part in parts:
        yield np.sort(part)


def _halves(part: IdArray, products: FloatArray) -> tuple[IdArray, IdArray]:
    middle = len(part) // 2
    order = np.argpartition(products, middle) if len(part) > 1 else np.arange(len(part))
    return part[order[:middle]], part[order[middle:]]


def _nearest_before(vectors: FloatArray, some: IdArray, still: IdArray) -> IdArray:
    """Of each of some rows (B,) the most similar one before it, of the rows `still` (K,)."""
    products = vectors[some] @ vectors[still].T
    products[some[:, None] <= still] = -np.inf
    nearest: IdArray = still[products.argmax(axis=1)]
    return nearest


def _blocks(rows: IdArray, size: int) -> Iterator[IdArray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
