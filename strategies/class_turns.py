"""Which class has the turn in a batch: every second image is for the one that labels lack most.

The others are chosen freely: a model that misses a class predicts none of it where it is.
"""

from __future__ import annotations

import numpy as np

from strategies.base import FloatArray, Pool
from strategies.distances import BoolArray, Numbers

LEAST_SHARE = 0.001  # of the pixels, from which an image is predicted to hold a class
COMMON = 0.5  # share of the labeled images that hold a class, from which it needs no turn


class ClassTurns:
    """Counts, pick by pick, how many labeled or picked images hold each class."""

    def __init__(self, pool: Pool) -> None:
        share = pool.class_share
        self._holds = np.zeros((0, 0), dtype=np.bool_) if share is None else holding(share).T
        self._images, self._turn = 0, 0
        self._count: Numbers = np.zeros(len(self._holds))  # (C,)
        if pool.signals and len(pool.signals.class_labels) == len(self._count):
            self._count += pool.signals.class_labels
            self._images = pool.signals.labels

    def candidates(self, left: BoolArray) -> tuple[int, BoolArray] | None:
        """The class whose turn it is and the images (N,) predicted to hold it, of those left; None:
        any image may be chosen."""
        self._turn += 1
        if self._turn % 2 == 0:
            return None
        for one in np.argsort(self._count[1:], kind="stable") + 1:
            if self._count[one] >= COMMON * self._images:
                return None
            if (held := self._holds[one] & left).any():
                return int(one), held
        return None

    def held(self, one: int) -> BoolArray:
        """The images that are predicted to hold a class: (N,)."""
        held: BoolArray = self._holds[one]
        return held

    def pick(self, row: int) -> None:
        """Count an image that was picked as holding what it is predicted to hold."""
        self._images += 1
        if len(self._holds):
            self._count += self._holds[:, row]


def holding(share: FloatArray) -> BoolArray:
    """Whether an image is predicted to hold a class: class_share (N, C) to (N, C)."""
    held: BoolArray = share >= LEAST_SHARE
    return held
