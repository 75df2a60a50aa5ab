"""Balance the classes of a batch by what is predicted: the one with the least so far has the turn.

Class-balanced sampling (resampling by class instead of by image, as in Kang et al., "Decoupling
Representation and Classifier for Long-Tailed Recognition", ICLR 2020,
https://arxiv.org/abs/1910.09217), here with the predicted share of the pixels in the place of
labels. Each class draws in proportion to its share instead of taking the image with most of it:
the images with most of a rare class are much alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, Pool
from strategies.checks import check, need
from strategies.explanations import class_name, rows_of


@dataclass(frozen=True)
class RareClass:
    """Every foreground class in turns, the one with the fewest predicted pixels in the batch first;
    it draws an image with a chance in proportion to its predicted share. Takes no settings."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, O(N) a pick. Needs class_share; the first class is background and has no
        turn. Equal classes: the rarer in the pool goes first, then the lower number. Images
        without any predicted foreground come last, in random order."""
        check(pool, n)
        share = need(pool, "class_share", "rare_class", "it comes with the first model")
        order = np.argsort(pool.ids)
        left = np.maximum(share[order, 1:], 0).astype(np.float64).T.copy()  # (C - 1, N) by id
        total, batch = left.sum(axis=1), np.zeros(len(left))
        picked: list[int] = []
        while len(picked) < min(n, len(pool)):
            turns = [one for one in np.lexsort((total, batch)) if left[one].any()]
            if not turns:
                break
            position = _draw(left[turns[0]], rng)
            batch += left[:, position]
            left[:, position] = 0
            picked.append(position)
        rest = np.setdiff1d(np.arange(len(order)), picked)
        picked += rng.permutation(rest)[: min(n, len(pool)) - len(picked)].tolist()
        return [int(pool.ids[order[position]]) for position in picked]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """The class of which an image holds most, measured by what the pool holds of it."""
        share = need(pool, "class_share", "rare_class", "train a model first")
        total = share.sum(axis=0, dtype=np.float64)
        return [_reason(pool, share, total, row) for row in rows_of(pool, picks)]


def _draw(weights: FloatArray, rng: np.random.Generator) -> int:
    """A position with a chance in proportion to its weight (N,), of which one is not 0."""
    rising = np.cumsum(weights)
    return int(np.searchsorted(rising, rng.random() * rising[-1], side="right"))


def _reason(pool: Pool, share: FloatArray, total: FloatArray, row: int) -> str:
    if not share[row, 1:].any():
        return "drawn at random; no more images are predicted to hold foreground"
    part = share[row] / np.maximum(total, np.finfo(np.float64).tiny)
    best = 1 + int(np.argmax(part[1:]))
    place = 1 + int(np.count_nonzero(share[:, best] > share[row, best]))
    return (
        f"predicted to hold {class_name(pool, best)} on {share[row, best]:.1%} of its pixels "
        f"(place {place:,} of {len(pool):,})"
    )
