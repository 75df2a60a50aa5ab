"""How well the chosen images cover the pool: distances, kept up to date pick by pick.

Squared distances come from |x|² + |c|² - 2 x·c, so a new center costs one pass over the
embeddings. Each x·c is a dot product of its own row (`np.vecdot`): it does not depend on where the
row stands, so equal images tie exactly and shuffling the pool changes no bit.
"""

from __future__ import annotations

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.checks import squared_norms

BLOCK_NUMBERS = 2**18  # of one buffer while seeding: 1 MB in float32


class Coverage:
    """Squared distance of each image to its nearest center; centers are labeled or picked.

    squared_gap: (N,), inf while there is no center. A picked image has -1.
    """

    def __init__(self, ids: IdArray, embeddings: FloatArray, labeled: FloatArray) -> None:
        self._embeddings = embeddings
        self._norms = squared_norms(embeddings)  # (N,)
        self.squared_gap = np.full(len(ids), np.inf, dtype=self._norms.dtype)  # (N,)
        if len(labeled):
            self._cover(np.argsort(ids), labeled)

    def pick(self, row: int) -> None:
        """Make an image a center; it is never picked twice, even among duplicates."""
        gap = np.vecdot(self._embeddings, self._embeddings[row])  # (N,)
        gap *= -2
        gap += self._norms
        gap += self._norms[row]
        np.maximum(gap, 0, out=gap)  # rounding may leave -1e-7
        np.minimum(self.squared_gap, gap, out=self.squared_gap)
        self.squared_gap[row] = -1

    def gaps_left(self) -> FloatArray:
        """Distance of each image that is not picked to its nearest center; (N - picks,)."""
        gaps: FloatArray = np.sqrt(self.squared_gap[self.squared_gap >= 0])
        return gaps

    def _cover(self, order: IdArray, labeled: FloatArray) -> None:
        """Start from the labeled images (L, D): one matrix product a block of rows.

        The product only says which label is nearest; its distance is computed again row by row.
        Blocks go in the order of the ids, so that shuffled rows meet the same products.
        """
        label_norms = squared_norms(labeled)  # (L,)
        size = max(1, BLOCK_NUMBERS // max(labeled.shape))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            block = self._embeddings[rows]  # (B, D)
            product = block @ labeled.T  # (B, L)
            product *= -2
            product += label_norms
            nearest = product.argmin(axis=1)  # (B,)
            dot = np.vecdot(block, labeled[nearest])
            squared = self._norms[rows] + label_norms[nearest] - 2 * dot
            self.squared_gap[rows] = np.maximum(squared, 0)


def best_row(value: FloatArray, ids: IdArray) -> int:
    """The row of the largest value (N,); among equals the lowest id."""
    rows = np.flatnonzero(value == value.max())
    return int(rows[ids[rows].argmin()])


def farthest_rest(pool: Pool, embeddings: FloatArray, rows: list[int], n: int) -> list[int]:
    """Rows of n images (n <= N): those given, then by k-center what is farthest from them and from
    the labeled images. O(N·D) a row, and nothing where n are given."""
    if len(rows) >= n:
        return rows
    coverage = Coverage(pool.ids, embeddings, pool.labeled)
    for row in rows:
        coverage.pick(row)
    chosen = list(rows)
    while len(chosen) < n:
        chosen.append(best_row(coverage.squared_gap, pool.ids))
        coverage.pick(chosen[-1])
    return chosen
