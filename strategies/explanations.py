"""Why a strategy picked an image, in words that an annotator understands: parts of sentences.

Each of these takes a pool and picks (ids of it) and gives one part a pick, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strategies.base import IdArray, Pool
from strategies.checks import need
from strategies.distances import Numbers, Points, blocks, one_thread

FIRST_ONES = "unlike the images asked before it"
UNSURE = (
    "the model is unsure here",
    "the model is somewhat unsure here",
    "the model is rather sure here",
)
HESITATES = (
    "the model hesitates between two classes here",
    "the model hesitates a little between two classes here",
    "the model hardly hesitates here",
)
DISTRUSTS = (
    "the model trusts its answer little here",
    "the model trusts its answer somewhat here",
    "the model trusts its answer here",
)
TEACHER = (
    "two versions of the model disagree here",
    "two versions of the model disagree a little here",
    "two versions of the model agree here",
)
SCALES = (
    "the model answers otherwise from near than from afar",
    "the model answers a little otherwise from near than from afar",
    "the model answers alike from near and from afar",
)
CHANGES = (
    "a label here would change the model much",
    "a label here would change the model somewhat",
    "a label here would change the model little",
)
UNSURE_OF_CLASS = (
    "the model is unsure where it sees {name}",
    "the model is somewhat unsure where it sees {name}",
    "the model is rather sure where it sees {name}",
)
TYPICAL = (
    "a typical image",
    "a fairly typical image",
    "an unusual image",
)
UNLIKE = (
    "few labeled images look like this",
    "some labeled images look like this",
    "labeled images look like this",
)
FAIR = "drawn at random, as a fair sample of the pool"


def rows_of(pool: Pool, picks: Sequence[int]) -> IdArray:
    """The row of each pick (ids of the pool): (P,)."""
    order = np.argsort(pool.ids)
    rows: IdArray = order[np.searchsorted(pool.ids[order], np.array(picks, dtype=np.int64))]
    return rows


def graded(words: Sequence[str], place: int, images: int) -> str:
    """One of three wordings, for the first quarter of the places, the second, and the rest.

    place: 1 is the one with most of it.
    """
    grade = 0 if place <= max(1, images / 4) else 1 if place <= images / 2 else 2
    return f"{words[grade]} (place {place:,} of {images:,})"


def by_place(pool: Pool, picks: Sequence[int], values: Numbers, words: Sequence[str]) -> list[str]:
    """How much of a value (N,) an image has: three wordings, with its place in the pool."""
    return [
        graded(words, 1 + int(np.count_nonzero(values > values[row])), len(pool))
        for row in rows_of(pool, picks)
    ]


def more_uncertain(pool: Pool, picks: Sequence[int]) -> list[str]:
    """How unsure the model is, with the place in the pool."""
    return by_place(pool, picks, need(pool, "uncertainty", "this", "train a model first"), UNSURE)


@one_thread()
def less_like_labeled(pool: Pool, picks: Sequence[int]) -> list[str]:
    """How far the nearest labeled image is, with the place in the pool."""
    if not len(picks):
        return []
    gaps = _gaps(pool)
    if gaps is None:
        return [FIRST_ONES] * len(picks)
    return by_place(pool, picks, gaps, UNLIKE)


def class_name(pool: Pool, number: int) -> str:
    """The name of a class where the pool tells it, else its number."""
    names = pool.signals.classes if pool.signals else ()
    return repr(names[number]) if number < len(names) else f"class {number} (0 is background)"


@one_thread()
def stands_for(pool: Pool, picks: Sequence[int]) -> list[str]:
    """The share of the pool that is nearer to a pick than to any other pick or labeled image.

    An image that is as near to several counts for the first, and a pick counts for itself.
    """
    if not len(picks):
        return []
    embeddings = need(pool, "embeddings", "this", "embed the images first")
    rows = rows_of(pool, picks)
    near = np.zeros(len(picks), dtype=np.int64)
    points = Points(embeddings[rows])
    labeled = Points(pool.labeled)
    width = len(picks) + len(labeled) + embeddings.shape[1]
    for block in blocks(np.arange(len(pool)), width):
        squared = points.squared_distances(embeddings[block])
        mine = squared.min(axis=1, initial=np.inf)
        if len(labeled):
            mine = np.where(
                labeled.squared_distances(embeddings[block]).min(axis=1) < mine, np.inf, mine
            )
        near += _counts(squared, mine)
    return [
        f"{max(1, count):,} of {len(pool):,} images are most like this one"
        for count in near.tolist()
    ]


def _counts(squared: Numbers, mine: Numbers) -> IdArray:
    """How many rows each column is nearest to, where no label is nearer: (B, P), (B,) to (P,)."""
    theirs = np.isfinite(mine)
    counts: IdArray = np.bincount(squared[theirs].argmin(axis=1), minlength=squared.shape[1])
    return counts


def _gaps(pool: Pool) -> Numbers | None:
    """Squared distance to the nearest labeled image, (N,); None without any."""
    if pool.embeddings is None or len(pool.labeled) == 0:
        return None
    labeled = Points(pool.labeled)
    parts = [
        labeled.squared_distances(pool.embeddings[rows]).min(axis=1)
        for rows in blocks(np.arange(len(pool)), len(labeled) + pool.embeddings.shape[1])
    ]
    gaps: Numbers = np.concatenate(parts)
    return gaps
