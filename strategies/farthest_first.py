"""Greedy k-center of a large pool: the same picks, from fewer distances.

A gap only shrinks while centers are added, so an old one is an upper bound, and the farthest image
is found among a few: the tier, of all images whose bound is at least a level. An image leaves the
tier as soon as one center is nearer than the level, and is compared with the others only if the
level falls. Lazy evaluation of greedy choices: Minoux 1978; the greedy choice, farthest-first
traversal: Gonzalez 1985.
"""

from __future__ import annotations

import numpy as np

from strategies.base import FloatArray, IdArray
from strategies.checks import squared_norms
from strategies.distances import blocks, one_thread, product_error
from strategies.nearest_kernel import compare
from strategies.threads import in_parts, thread_count

SAMPLE = 4096  # images whose gaps are all known: they say where the level is
LEAST_OF_SAMPLE = 4  # that reach the first level
TIER = 16  # images of the first tier for each pick
CENTERS = 64  # in one matrix product
MANY = 8192  # rows, from which on matrix products come before the compiled loop


class FarthestFirst:
    """Picks one by one the image with the largest squared distance to its nearest center.

    ids: (N,). embeddings: (N, D) float32, in the order of C. labeled: (L, D), the first centers.
    picks: how many will be made centers. O(N) memory beside them.
    """

    def __init__(
        self, ids: IdArray, embeddings: FloatArray, labeled: FloatArray, picks: int
    ) -> None:
        self._ids, self._embeddings = ids, embeddings
        distinct = np.unique(labeled, axis=0)
        self._centers = np.empty((len(distinct) + picks, embeddings.shape[1]), dtype=np.float32)
        self._centers[: len(distinct)] = distinct
        self._count = len(distinct)
        self._norms = squared_norms(embeddings)
        self._error = product_error(embeddings, distinct)
        self._gap = np.full(len(ids), np.inf)  # (N,) upper bounds; -1 of the picked ones
        self._compared = np.zeros(len(ids), dtype=np.int32)  # (N,) centers that count in the gap
        self._tried = np.zeros(len(ids), dtype=np.int32)  # (N,) centers that count in the bound
        self._sample = np.unique(np.linspace(0, len(ids) - 1, SAMPLE).astype(np.int64))
        self._tier: IdArray = np.empty(0, dtype=np.int64)  # rows
        self._level = np.inf
        self._wanted = max(LEAST_OF_SAMPLE, TIER * picks * len(self._sample) // max(1, len(ids)))

    def pick(self, row: int) -> None:
        """Make an image a center; it is never picked twice, even among duplicates."""
        self._gap[row] = -1
        self._centers[self._count] = self._embeddings[row]
        self._count += 1

    def farthest(self) -> int:
        """The row with the largest gap; among equals the lowest id. At least one must be left."""
        while (top := self._compare(self._tier, self._level)) < self._level or not len(self._tier):
            self._next_tier()
        rows = self._tier[self._gap[self._tier] == top]
        return int(rows[self._ids[rows].argmin()])

    def _next_tier(self) -> None:
        """Lower the level to what the wanted number of the sample reaches; the next time, twice
        as many. The gaps of a tier are exact, and those of all others below the level."""
        self._compare(self._sample, 0.0)
        known = np.sort(self._gap[self._sample])
        self._level = max(0.0, known[-self._wanted]) if self._wanted < len(known) else 0.0
        self._wanted *= 2
        tier = np.flatnonzero(self._gap >= self._level)
        with one_thread():
            for first in range(0, self._count, CENTERS):
                behind = tier[(self._tried[tier] == first) & (self._gap[tier] >= self._level)]
                if len(behind) >= MANY:
                    self._lower_bounds(behind, first)
        self._compare(tier, self._level)
        self._tier = tier[self._gap[tier] >= self._level]

    def _lower_bounds(self, rows: IdArray, first: int) -> None:
        """Lower the bounds of these rows by the next 64 centers."""
        centers = self._centers[first : min(first + CENTERS, self._count)]
        scaled, norms = -2 * centers, squared_norms(centers)

        def part(some: slice) -> None:
            for block in blocks(rows[some], self._embeddings.shape[1]):
                about = self._embeddings[block] @ scaled.T  # (B, 64)
                about += norms
                bound = about.min(axis=1) + self._norms[block] + self._error
                self._gap[block] = np.fmin(self._gap[block], bound)  # no NaN

        in_parts(part, len(rows), thread_count())
        if len(centers) == CENTERS:
            self._tried[rows] += CENTERS

    def _compare(self, rows: IdArray, level: float) -> float:
        """Compare rows with the centers that are new to them; the largest gap."""
        centers = self._centers[: self._count]
        return compare(
            self._embeddings, rows, centers, compared=self._compared, gap=self._gap, level=level
        )
