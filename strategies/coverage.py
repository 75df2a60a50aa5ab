"""How well the chosen images cover the pool: distances, kept up to date pick by pick.

A gap is the squared distance to the nearest center as strategies/distances.py defines it once for
all: in float64, summed in the order of the numbers. Fast products of float32 only show which gaps
may change; these few are computed. So equal images tie exactly, and neither the order of the
rows nor the processor, the number of threads or the size of the pool changes a bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.checks import squared_norms
from strategies.distances import Numbers, blocks, exact_squared, one_thread, product_error
from strategies.threads import in_parts, thread_count

if TYPE_CHECKING:
    from strategies.farthest_first import FarthestFirst

LARGE = 2**26  # numbers in the embeddings: numpy reads a quarter of a GB for each pick


class Coverage:
    """Squared distance of each image to its nearest center; centers are labeled or picked.

    squared_gap: (N,) float64, inf while there is no center. A picked image has -1.
    """

    def __init__(self, ids: IdArray, embeddings: FloatArray, labeled: FloatArray) -> None:
        self._ids, self._embeddings = ids, embeddings
        self._norms = squared_norms(embeddings)  # (N,)
        self._error = product_error(embeddings, labeled)
        self.squared_gap = np.full(len(ids), np.inf)  # (N,)
        if len(labeled):
            self._cover(labeled)

    def pick(self, row: int) -> None:
        """Make an image a center; it is never picked twice, even among duplicates."""
        if is_large(self._embeddings):
            self._compare_all(row)
        else:
            self._compare_nearer(row)
        self.squared_gap[row] = -1

    def farthest(self) -> int:
        """The row with the largest gap; among equals the lowest id."""
        return best_row(self.squared_gap, self._ids)

    def gaps_left(self) -> Numbers:
        """Distance of each image that is not picked to its nearest center; (N - picks,)."""
        gaps: Numbers = np.sqrt(self.squared_gap[self.squared_gap >= 0])
        return gaps

    def _compare_all(self, row: int) -> None:
        from strategies.nearest_kernel import compare

        compare(
            self._embeddings,
            np.arange(len(self._ids)),
            self._embeddings[row : row + 1],
            compared=np.zeros(len(self._ids), dtype=np.int32),
            gap=self.squared_gap,
        )

    def _compare_nearer(self, row: int) -> None:
        about = np.vecdot(self._embeddings, self._embeddings[row])  # (N,)
        about *= -2
        about += self._norms
        about += self._norms[row] - self._error
        nearer = np.flatnonzero(~(about >= self.squared_gap))  # NaN, where float32 overflows, too
        for rows in blocks(nearer, self._embeddings.shape[1]):
            exact = exact_squared(self._embeddings[rows], self._embeddings[row])
            self.squared_gap[rows] = np.minimum(self.squared_gap[rows], exact)

    def _cover(self, labeled: FloatArray) -> None:
        """Start from the labeled images (L, D): one matrix product a block of rows."""
        centers = np.unique(labeled, axis=0)
        scaled, norms = -2 * centers, squared_norms(centers)

        def part(some: slice) -> None:
            for rows in blocks(np.arange(len(self._ids))[some], max(centers.shape)):
                here = self._embeddings[rows[0] : rows[-1] + 1]
                about = here @ scaled.T  # (B, L), but for the |x|² of the row
                about += norms
                limit = about.min(axis=1, keepdims=True) + 2 * self._error
                row, center = np.nonzero(~(about > limit))  # NaN, where float32 overflows, too
                self._settle(rows[row], center, centers)

        with one_thread():
            in_parts(part, len(self._ids), thread_count() if is_large(self._embeddings) else 1)

    def _settle(self, rows: IdArray, nearest: IdArray, centers: FloatArray) -> None:
        """Compute the distances that may be the smallest, one a row but for near ties.

        rows, nearest: (P,) pairs of rows of the embeddings and of the centers (L, D).
        """
        for pairs in blocks(np.arange(len(rows)), centers.shape[1]):
            mine = rows[pairs]
            exact = exact_squared(self._embeddings[mine], centers[nearest[pairs]])
            np.minimum.at(self.squared_gap, mine, exact)


def is_large(embeddings: FloatArray) -> bool:
    """Whether compiled loops pay for themselves, and can read these embeddings (N, D)."""
    plain = embeddings.dtype == np.float32 and bool(embeddings.flags.c_contiguous)
    return plain and embeddings.size >= LARGE


def best_row(value: Numbers, ids: IdArray) -> int:
    """The row of the largest value (N,); among equals the lowest id."""
    rows = np.flatnonzero(value == value.max())
    return int(rows[ids[rows].argmin()])


def farthest_rest(pool: Pool, embeddings: FloatArray, rows: list[int], n: int) -> list[int]:
    """Rows of n images (n <= N): those given, then by k-center what is farthest from them and from
    the labeled images. O(N·D) a row, or less for a large pool; nothing where n are given."""
    if len(rows) >= n:
        return rows
    centers = _centers(pool, embeddings, n)
    for row in rows:
        centers.pick(row)
    chosen = list(rows)
    while len(chosen) < n:
        chosen.append(centers.farthest())
        centers.pick(chosen[-1])
    return chosen


def _centers(pool: Pool, embeddings: FloatArray, picks: int) -> Coverage | FarthestFirst:
    if not is_large(embeddings):
        return Coverage(pool.ids, embeddings, pool.labeled)
    from strategies.farthest_first import FarthestFirst

    return FarthestFirst(pool.ids, embeddings, pool.labeled, picks)
