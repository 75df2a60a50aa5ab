"""Why a strategy picked an image, in words that an annotator understands: parts of sentences.

Each of these takes a pool and picks (ids of it) and gives one part a pick, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.checks import need
from strategies.distances import Numbers, Points, blocks, one_thread

FIRST_ONES = "unlike the images asked before it"
FAIR = "drawn at random, as a fair sample of the pool"


def rows_of(pool: Pool, picks: Sequence[int]) -> IdArray:
    """The row of each pick (ids of the pool): (P,)."""
    order = np.argsort(pool.ids)
    rows: IdArray = order[np.searchsorted(pool.ids[order], np.array(picks, dtype=np.int64))]
    return rows


def more_uncertain(pool: Pool, picks: Sequence[int]) -> list[str]:
    """The percentile of the uncertainty."""
    uncertainty = need(pool, "uncertainty", "this", "train a model first")
    return [
        f"more uncertain than {_share_up_to(uncertainty, row):.0%} of the pool"
        for row in rows_of(pool, picks)
    ]


@one_thread()
def less_like_labeled(pool: Pool, picks: Sequence[int]) -> list[str]:
    """The percentile of the distance to the nearest labeled image."""
    if not len(picks):
        return []
    gaps = _gaps(pool)
    if gaps is None:
        return [FIRST_ONES] * len(picks)
    return [
        f"less like the labeled images than {_share_up_to(gaps, row):.0%} of the pool"
        for row in rows_of(pool, picks)
    ]


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
    return [f"stands for {_percent(count, len(pool))} of the pool" for count in near.tolist()]


def _counts(squared: Numbers, mine: Numbers) -> IdArray:
    """How many rows each column is nearest to, where no label is nearer: (B, P), (B,) to (P,)."""
    theirs = np.isfinite(mine)
    counts: IdArray = np.bincount(squared[theirs].argmin(axis=1), minlength=squared.shape[1])
    return counts


def _percent(count: int, images: int) -> str:
    share = max(1, count) / images
    return f"{share:.0%}" if share >= 0.01 else "less than 1%"


def _share_up_to(values: FloatArray, row: int) -> float:
    return float((values <= values[row]).mean())


def _gaps(pool: Pool) -> FloatArray | None:
    """1 - cosine similarity to the nearest labeled image, (N,); None without any."""
    if pool.embeddings is None or len(pool.labeled) == 0:
        return None
    parts = [
        1.0 - (pool.embeddings[rows] @ pool.labeled.T).max(axis=1)
        for rows in blocks(np.arange(len(pool)), len(pool.labeled) + pool.embeddings.shape[1])
    ]
    gaps: FloatArray = np.concatenate(parts)
    return gaps
