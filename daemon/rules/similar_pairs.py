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
import numpy.typing as npt

from daemon.rules.near_duplicates import (
    BLOCK,
    COLUMNS,
    FloatArray,
    IdArray,
    any_similar,
    first_similar,
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
            if not images.compare_unchecked():
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
        self._pairs: IdArray = np.empty((0, 2), dtype=np.int64)  # an image, its representative
        self._checked = np.zeros(len(rows), dtype=np.bool_)  # kept, and similar to no such place
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

    def compare_unchecked(self) -> bool:
        """Compare the kept ones that were not with all that are kept; whether there were any."""
        new = np.flatnonzero(~self._checked[self.kept])
        vectors, checked = self._embeddings[self.rows[self.kept]], self._checked[self.kept]
        found: list[IdArray] = [self._pairs[:0]]
        for some in _blocks(new, BLOCK):
            others = np.flatnonzero(checked | (np.arange(len(checked)) <= some[-1]))
            for part in _blocks(others, COLUMNS):
                alike = vectors[some] @ vectors[part].T >= self._similarity
                found += _pairs(alike, some, part, checked[part])
        pairs = self.kept[np.concatenate(found)]
        self._checked[self.kept] = True
        self._checked[pairs] = False
        self._add(pairs)
        return bool(len(new))

    def _add(self, pairs: IdArray) -> None:
        """Decide again which are kept: each place after those that may represent it."""
        table = np.concatenate([self._pairs, pairs])
        self._pairs = table[np.argsort(table[:, 0], kind="stable")]
        kept = bytearray(b"\1" * len(self.rows))
        for place, representative in self._pairs.tolist():
            if kept[representative]:
                kept[place] = 0
        is_kept = np.frombuffer(kept, dtype=np.bool_)
        self._checked &= is_kept
        self.kept = np.flatnonzero(is_kept)


def _pairs(
    alike: npt.NDArray[np.bool_], some: IdArray, others: IdArray, checked: npt.NDArray[np.bool_]
) -> Iterator[IdArray]:
    """For each of some (B,) its first similar one before it, and for each checked one of the others
    (C,) the first of some that is: (P, 2) each. alike: (B, C)."""
    before = alike & (others < some[:, None])
    has = before.any(axis=1)
    yield np.stack([some[has], others[before[has].argmax(axis=1)]], axis=1)
    after = alike & checked & (others > some[:, None])
    has = after.any(axis=0)
    yield np.stack([others[has], some[after[:, has].argmax(axis=0)]], axis=1)


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


def _blocks(rows: IdArray, size: int) -> Iterator[IdArray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
