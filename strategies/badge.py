"""Images whose labels would change the model much, and each in another way.

BADGE: Ash, Zhang, Krishnamurthy, Langford & Agarwal, "Deep Batch Active Learning by Diverse,
Uncertain Gradient Lower Bounds", ICLR 2020 (https://arxiv.org/abs/1906.03671), algorithm 1:
k-means++ (Arthur & Vassilvitskii 2007) on the gradients of the loss of the predicted labels. The
first image is the one with the longest gradient, as in the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, Pool
from strategies.checks import check, need, squared_norms
from strategies.distances import Numbers
from strategies.explanations import CHANGES, by_place


@dataclass(frozen=True)
class Badge:
    """Draw, n times, an image with a chance in proportion to the squared distance of its gradient
    to the nearest picked one. Labeled images do not count: their gradients are short by now."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids. O(N·G) a pick, gradients of G numbers; O(N) extra memory. Needs gradients.

        One number of rng a pick but the first. Once every image left has the gradient of a picked
        one, the rest is drawn uniformly.
        """
        check(pool, n)
        gradients = need(
            pool, "gradients", "badge", "it comes with the first model; until then use kcenter"
        )
        n, order = min(n, len(pool)), np.argsort(pool.ids)
        if n == 0:
            return []
        norms = squared_norms(gradients)  # (N,)
        rows = [int(order[np.argmax(norms[order])])]
        gap = _squared(gradients, norms, rows[0])  # (N,) to the nearest pick
        gap[rows] = 0
        while len(rows) < n:
            rising = np.cumsum(gap[order], dtype=np.float64)
            if rising[-1] <= 0:
                break
            place = int(np.searchsorted(rising, rng.random() * rising[-1], side="right"))
            rows.append(int(order[place]))
            np.minimum(gap, _squared(gradients, norms, rows[-1]), out=gap)
            gap[rows] = 0  # a picked image is not drawn again, whatever was rounded
        rest = np.setdiff1d(pool.ids, pool.ids[rows])
        return [*pool.ids[rows].tolist(), *rng.permutation(rest)[: n - len(rows)].tolist()]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """How much a label would change the model, with the place in the pool."""
        norms = squared_norms(need(pool, "gradients", "badge", "score it"))
        return by_place(pool, picks, norms, CHANGES)


def _squared(gradients: FloatArray, norms: Numbers, row: int) -> Numbers:
    """Squared distance of each gradient (N, G) to that of one row: (N,); equal ones: exactly 0."""
    squared: Numbers = np.vecdot(gradients, gradients[row])
    squared *= -2
    squared += norms
    squared += norms[row]
    np.maximum(squared, 0, out=squared)  # rounding may leave -1e-7
    return squared
