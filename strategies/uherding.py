"""Cover the uncertain images: the largest gain of uncertainty-weighted coverage.

Uncertainty herding: Bae, Oliveira & Sutherland, "Uncertainty Herding: One Active Learning Method
for All Label Budgets", ICLR 2025 (https://arxiv.org/abs/2412.20644): greedily maximise the sum
over the pool of uncertainty x similarity to the nearest labeled or picked image, with a Gaussian
kernel whose width shrinks as labels come in. How it shrinks is ours: it is the median distance of a
labeled image to the nearest other one, which a pair of near-duplicates leaves as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.checks import check, check_setting, need
from strategies.coverage import farthest_rest
from strategies.distances import BoolArray, Numbers, Points, blocks, one_thread, sample
from strategies.explanations import more_uncertain, stands_for
from strategies.features import Features, check_features, compared_by

MOST_COMPARED = 1024  # images that the width is taken from
NARROWEST = 0.05  # of L2-normalised embeddings: below that float32 does not tell distances apart
TIE = 1e-5  # of the largest gain: that much less counts as equal, and the lowest id goes first
COVERED = 1e-6  # of all the uncertainty: a smaller gain is none
BATCH = 256  # candidates whose gain is computed at once


@dataclass(frozen=True)
class UHerding:
    """Pick, n times, the image that adds most to the covered uncertainty.

    bandwidth: of the kernel exp(-(distance / bandwidth)²), Euclidean, of L2-normalised embeddings,
    in [0, 2]; 0 takes it from the data. features: "image" or "foreground", whose embeddings are
    compared (strategies/features.py).
    """

    bandwidth: float = 0.0
    features: Features = "image"

    def __post_init__(self) -> None:
        check_features("uherding", self.features)
        check_setting("uherding", "bandwidth", self.bandwidth, 0, 2)

    @one_thread()
    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, largest gain first. Needs embeddings and uncertainty (of a calibrated model).

        O(N·M·D) once, M = min(N, 4096) images to be covered, and the candidates that may be best
        a pick: gains only shrink, so an old one is an upper bound. Where the model is sure of all,
        every image weighs the same. When all is covered, the farthest images follow.
        """
        check(pool, n)
        pool = compared_by(pool, self.features, "uherding")
        embeddings = need(pool, "embeddings", "uherding", "embed the images first")
        uncertainty = need(
            pool, "uncertainty", "uherding", "it comes with the first model; until then use kcenter"
        )
        n = min(n, len(pool))
        if n == 0:
            return []
        order = np.argsort(pool.ids)
        width = self.bandwidth or bandwidth_of(embeddings, order, pool.labeled, rng)
        targets = sample(order, embeddings.shape[1], rng)
        weights = np.maximum(uncertainty[targets], 0)
        if not weights.any():
            weights = np.ones_like(weights)
        gains = Gains(embeddings, order, targets, weights, max(width, NARROWEST))
        gains.cover(pool.labeled)
        rows = gains.pick(n)
        return [int(pool.ids[row]) for row in farthest_rest(pool, embeddings, rows, n)]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """Both of what counted: its uncertainty, and how much of the pool it stands for."""
        pool = compared_by(pool, self.features, "uherding")
        words = zip(more_uncertain(pool, picks), stands_for(pool, picks), strict=True)
        return ["; ".join(both) for both in words]


class Gains:
    """What each image (N, by id) would add to the covered uncertainty of the targets (M)."""

    def __init__(
        self,
        embeddings: FloatArray,
        order: IdArray,
        targets: IdArray,
        weights: FloatArray,
        width: float,
    ) -> None:
        self._embeddings, self._order, self._width = embeddings, order, width
        self._weights = weights  # (M,)
        self._points = Points(embeddings[targets])
        self._closeness = np.zeros(len(targets), dtype=np.float32)  # (M,) to the nearest center

    def cover(self, centers: FloatArray) -> None:
        """Make images (L, D) centers: targets near them have less to gain."""
        for rows in blocks(np.arange(len(centers)), len(self._points) + self._embeddings.shape[1]):
            near = self._kernel(centers[rows]).max(axis=0)
            np.maximum(self._closeness, near, out=self._closeness)

    def pick(self, n: int) -> list[int]:
        """Rows of at most n images; fewer where nothing is left to gain."""
        least = COVERED * float(self._weights.sum(dtype=np.float64))
        bound = np.concatenate(
            [
                self._gain(rows)
                for rows in blocks(self._order, len(self._points) + self._embeddings.shape[1])
            ]
        )  # (N,) by id
        current = np.ones(len(bound), dtype=np.bool_)
        picked: list[int] = []
        while len(picked) < n:
            best = self._best(bound, current)
            if bound[best] <= least:
                break
            picked.append(int(self._order[best]))
            self.cover(self._embeddings[picked[-1:]])
            current[:] = False
            bound[best] = -1
        return picked

    def _best(self, bound: Numbers, current: BoolArray) -> int:
        """The position of the largest gain, after as few computations as show it."""
        while True:
            top = bound[current].max(initial=-1)
            stale = np.flatnonzero(~current & (bound >= top * (1 - TIE)) & (bound >= 0))
            if not stale.size:
                largest = bound.max()
                return int(np.argmax(bound >= largest * (1 - TIE)))
            stale = stale[np.argsort(-bound[stale], kind="stable")[:BATCH]]
            for part in blocks(stale, len(self._points) + self._embeddings.shape[1]):
                bound[part] = self._gain(self._order[part])
            current[stale] = True

    def _gain(self, rows: IdArray) -> Numbers:
        more = self._kernel(self._embeddings[rows])  # (B, M)
        more -= self._closeness
        np.maximum(more, 0, out=more)
        gain: Numbers = more @ self._weights
        return gain

    def _kernel(self, rows: FloatArray) -> Numbers:
        """exp(-(distance / width)²) of rows (B, D) to the targets: (B, M)."""
        squared = self._points.squared_distances(rows)
        squared *= np.float32(-1 / self._width**2)
        return np.exp(squared, out=squared)


def bandwidth_of(
    embeddings: FloatArray, order: IdArray, labeled: FloatArray, rng: np.random.Generator
) -> float:
    """Median distance of labeled images to the nearest other one, of at most 1,024 of them.

    With fewer than two: the median distance between images of the pool. 0 where all are equal.
    """
    few = len(labeled) < 2
    table, known = (embeddings, order) if few else (labeled, np.arange(len(labeled)))
    rows = table[sample(known, table.shape[1], rng, most=MOST_COMPARED)].astype(np.float64)
    points, found = Points(rows), []
    for block in blocks(np.arange(len(rows)), len(rows)):
        squared = points.squared_distances(rows[block])
        squared[np.arange(len(block)), block] = np.nan if few else np.inf
        found.append(squared[~np.isnan(squared)] if few else squared.min(axis=1))
    squares = np.concatenate(found)
    return float(np.sqrt(np.median(squares))) if squares.size else 0.0
