"""Uncertain images for each class in turn, with noise that decays as labels come in.

ClaSP PE: "Class-Stratified Power noise, Predictive Entropy", 2026
(https://arxiv.org/abs/2601.13677), which beat foreground-aware random choice in 24 settings of
nnActive. Power noise: log of the score plus Gumbel noise of scale 1/β is a draw in proportion to
score^β (Kirsch et al., "Stochastic Batch Acquisition", 2021, https://arxiv.org/abs/2106.12059,
section 3). Ours: β is the number of labels over `noise_labels`, at least 1; and the classes take
turns, one image each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.checks import check, check_count, need
from strategies.explanations import UNSURE_OF_CLASS, class_name, graded, rows_of
from strategies.ranking import places


@dataclass(frozen=True)
class ClaspPE:
    """Of each class in turn, the image with the most class_uncertainty^β, drawn.

    noise_labels: a whole number in [1, 100000]; from that many labels on β is above 1 and the
    noise decays: at ten times as many it hardly changes the order.
    """

    noise_labels: int = 32

    def __post_init__(self) -> None:
        check_count("clasp_pe", "noise_labels", self.noise_labels, 1, 100_000)

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids. O(N·C) numbers of rng, O(N log N). Needs class_uncertainty.

        The classes (background too: objects are missed there) in the order of their labeled images,
        fewest first, or where that is not known, of the images predicted to hold them. Images that
        are predicted to hold no class with any doubt come last, in random order.
        """
        check(pool, n)
        scores = need(
            pool,
            "class_uncertainty",
            "clasp_pe",
            "it comes with the first model; until then use kcenter",
        )
        order, n = np.argsort(pool.ids), min(n, len(pool))
        queues = [
            self._ranked(scores[order, one], self._power(pool), rng)[:n]
            for one in range(scores.shape[1])
        ]
        rows = _in_turn([queues[one].tolist() for one in class_order(pool, scores)], n)
        rest = np.setdiff1d(np.arange(len(pool)), rows)
        rows += rng.permutation(rest)[: n - len(rows)].tolist()
        return [int(image) for image in pool.ids[order[rows]]]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """The class of which the model is least sure, compared with the rest of the pool."""
        scores = need(pool, "class_uncertainty", "clasp_pe", "score it")
        place = np.stack([places(one) for one in scores.T], axis=1)  # (N, C)
        return [_reason(pool, scores[row], place[row]) for row in rows_of(pool, picks)]

    def _power(self, pool: Pool) -> float:
        labels = pool.signals.labels if pool.signals else len(pool.labeled)
        return max(1.0, labels / self.noise_labels)

    def _ranked(self, score: FloatArray, power: float, rng: np.random.Generator) -> IdArray:
        """Positions with a score (N,) above 0, the largest noisy one first."""
        noise = rng.gumbel(size=len(score)) / power
        held = np.flatnonzero(score > 0)
        return held[np.argsort(-(np.log(score[held].astype(np.float64)) + noise[held]))]


def class_order(pool: Pool, scores: FloatArray) -> list[int]:
    """The classes (C,), the one with the fewest labeled images first."""
    held: Sequence[int] = np.count_nonzero(scores > 0, axis=0).tolist()
    if pool.signals and len(pool.signals.class_labels) == scores.shape[1]:
        held = pool.signals.class_labels
    return sorted(range(scores.shape[1]), key=lambda one: (held[one], one))


def _in_turn(queues: list[list[int]], n: int) -> list[int]:
    """At most n distinct positions: each queue gives its next one that is new."""
    picked: dict[int, None] = {}
    waiting = [iter(queue) for queue in queues]
    while waiting and len(picked) < n:
        for queue in list(waiting):
            new = next((one for one in queue if one not in picked), None)
            if new is None:
                waiting.remove(queue)
            elif len(picked) < n:
                picked[new] = None
    return list(picked)


def _reason(pool: Pool, scores: FloatArray, place: IdArray) -> str:
    held = np.flatnonzero(scores > 0)
    if not held.size:
        return "drawn at random; the model is sure of all that it sees in the images left"
    best = int(held[place[held].argmin()])
    words = [one.format(name=class_name(pool, best)) for one in UNSURE_OF_CLASS]
    return graded(words, int(place[best]), len(pool))
