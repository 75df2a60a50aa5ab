"""The default: diverse and typical images first, then uncertain ones, with balance over classes.

One rule in three regimes (strategies/regimes.py says when): the largest product of what counts in
the regime and the distance to the nearest labeled or picked image, each to a power that gives all
the same say (strategies/hybrid.py). START: how typical an image is. EXPLORE: how typical, and how
unsure the model is. REFINE: how unsure the model is. With a model every second image is for the
class that the fewest labeled images hold (strategies/class_turns.py).

A product of uncertainty, density and diversity: Settles & Craven 2008, equation 16; from typical to
uncertain: Hacohen et al. 2022 (https://arxiv.org/abs/2202.02794). The regimes and turns are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, IdArray, Pool, Regime
from strategies.checks import check
from strategies.class_turns import ClassTurns, holding
from strategies.coverage import Coverage
from strategies.distances import BoolArray, Numbers, one_thread
from strategies.explanations import (
    TYPICAL,
    UNSURE,
    UNSURE_OF_CLASS,
    by_place,
    class_name,
    less_like_labeled,
    rows_of,
)
from strategies.hybrid import Factor
from strategies.regimes import EXPLORE, REFINE, START, least_distance, rarest_class, regime_of
from strategies.typicality import typicality

DOING = {START: "a first look", EXPLORE: "exploring", REFINE: "refining the model"}


@dataclass(frozen=True)
class Auto:
    """Choose by what was measured. Takes no settings, and needs no field of the pool."""

    def regime(self, pool: Pool) -> Regime:
        """Which regime the pool's signals lead to, and why."""
        return regime_of(pool)

    @one_thread()
    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, the best product first. O(N·D) a pick; in START and EXPLORE O(N·M·D) once,
        M = min(N, 2048).

        It does with what there is: without embeddings the distance counts as equal, without
        class_share no class has a turn. Near-duplicates of labeled or picked images come last.
        Equal products go by the larger distance, then by the lower id.
        """
        check(pool, n)
        n = min(n, len(pool))
        if n == 0:
            return []
        search = Search(pool, rng)
        return [int(pool.ids[search.pick()]) for _ in range(n)]

    @one_thread()
    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """The regime, and what counted in it; the rarest class where an image is to hold it."""
        regime = regime_of(pool)
        parts: list[list[str]] = []
        if regime.name in (EXPLORE, REFINE):
            parts.append(_unsure_words(pool, picks))
        if regime.name in (START, EXPLORE) and pool.embeddings is not None:
            rng = np.random.default_rng(0)  # which images stand for a large pool
            typical = typicality(pool.embeddings, np.argsort(pool.ids), rng)
            parts.append(by_place(pool, picks, typical, TYPICAL))
        if pool.embeddings is not None:
            parts.append(less_like_labeled(pool, picks))
        words = [list(one) for one in zip(*parts, strict=True)] or [[] for _ in picks]
        rare = _rare_words(pool, picks)
        return [
            f"{DOING[regime.name]}: {'; '.join([*one, *two]) or 'any image'}"
            for one, two in zip(words, rare, strict=True)
        ]


class Search:
    """The state of one choice: what counts of each image, and the images chosen so far."""

    def __init__(self, pool: Pool, rng: np.random.Generator) -> None:
        self._pool, self._regime = pool, regime_of(pool)
        self._near = least_distance(pool)
        self._left = np.ones(len(pool), dtype=np.bool_)
        self._turns = ClassTurns(pool)
        self._coverage = _coverage(pool)
        self._typical = self._typicality(rng)
        self._weight = 1 / (2 + (self._regime.name == EXPLORE))
        self._wanted: dict[int, Numbers] = {}  # class, 0 for any -> (N,)
        self._far: Factor | None = None

    def pick(self) -> int:
        """Choose the next row."""
        fresh = self._fresh()
        turn = self._turns.candidates(fresh)
        one, candidates = turn or (0, fresh)
        row = self._best(self._worth(one), np.flatnonzero(candidates))
        self._left[row] = False
        self._turns.pick(row)
        if self._coverage:
            self._coverage.pick(row)
        return row

    def _fresh(self) -> BoolArray:
        """The images left (N,) that are no near-duplicates; all that are left where none is."""
        if self._coverage is None:
            return self._left
        fresh: BoolArray = self._coverage.squared_gap >= self._near**2  # a picked one has -1
        return fresh if fresh.any() else self._left

    def _best(self, worth: Numbers, rows: IdArray) -> int:
        """The row with the largest product, of those given; equal ones by distance, then by id."""
        value: Numbers = worth[rows]
        gap: Numbers = np.zeros(len(rows))
        if self._coverage:
            gap = np.sqrt(self._coverage.squared_gap[rows], dtype=np.float64)
            value = value * self._distance(gap)
        equal = np.flatnonzero(value == value.max())
        equal = equal[gap[equal] == gap[equal].max()]
        return int(rows[equal[self._pool.ids[rows[equal]].argmin()]])

    def _distance(self, gap: Numbers) -> Numbers:
        """What the distance to the nearest center counts, (N,); 1 while there is no center."""
        if np.isinf(gap).any():
            return np.ones(len(gap))
        if self._far is None and self._coverage:
            self._far = Factor.of(self._coverage.gaps_left(), self._weight)
        return np.ones(len(gap)) if self._far is None else self._far(gap)

    def _worth(self, one: int) -> Numbers:
        """What counts beside the distance, for the turn of a class, 0 for any: (N,)."""
        if one not in self._wanted:
            worth = np.ones(len(self._pool))
            if self._regime.name != START:
                unsure = compared = self._unsure(one)
                if one:
                    held = self._turns.held(one)
                    unsure, compared = np.where(held, unsure, 0), unsure[held]
                worth *= Factor.of(compared, self._weight)(unsure)
            if self._typical is not None:
                worth *= Factor.of(self._typical, self._weight)(self._typical)
            self._wanted[one] = worth
        return self._wanted[one]

    def _unsure(self, one: int) -> FloatArray:
        """How unsure the model is of a class, where that is known, or of the image: (N,)."""
        by_class = self._pool.class_uncertainty
        if one and by_class is not None and one < by_class.shape[1]:
            column: FloatArray = by_class[:, one]
            return column
        return _known(self._pool.uncertainty)

    def _typicality(self, rng: np.random.Generator) -> FloatArray | None:
        if self._regime.name == REFINE or self._pool.embeddings is None:
            return None
        found = typicality(self._pool.embeddings, np.argsort(self._pool.ids), rng)
        return found.astype(np.float32)


def _coverage(pool: Pool) -> Coverage | None:
    return None if pool.embeddings is None else Coverage(pool.ids, pool.embeddings, pool.labeled)


def _unsure_words(pool: Pool, picks: Sequence[int]) -> list[str]:
    """How unsure the model is: of the rarest class where an image is to hold it, else of all."""
    words = by_place(pool, picks, _known(pool.uncertainty), UNSURE)
    rarest, held = _holding_rarest(pool, picks)
    if pool.class_uncertainty is None or not 0 < rarest < pool.class_uncertainty.shape[1]:
        return words
    wording = [one.format(name=class_name(pool, rarest)) for one in UNSURE_OF_CLASS]
    of_class = by_place(pool, picks, pool.class_uncertainty[:, rarest], wording)
    return [two if yes else one for one, two, yes in zip(words, of_class, held, strict=True)]


def _rare_words(pool: Pool, picks: Sequence[int]) -> list[list[str]]:
    """That an image is predicted to hold the class that the fewest labeled images hold."""
    rarest, held = _holding_rarest(pool, picks)
    if not rarest or pool.signals is None:
        return [[] for _ in picks]
    words = (
        f"predicted to hold {class_name(pool, rarest)}, which {pool.signals.class_labels[rarest]} "
        f"of {pool.signals.labels} labeled images hold"
    )
    return [[words] if yes else [] for yes in held]


def _holding_rarest(pool: Pool, picks: Sequence[int]) -> tuple[int, BoolArray]:
    """The class that the fewest labeled images hold, 0 where that is not known, and which picks
    are predicted to hold it: (P,)."""
    rarest = rarest_class(pool.signals) if pool.signals else 0
    if pool.class_share is None or not 0 < rarest < pool.class_share.shape[1]:
        return 0, np.zeros(len(picks), dtype=np.bool_)
    return rarest, holding(pool.class_share)[rows_of(pool, picks), rarest]


def _known(values: FloatArray | None) -> FloatArray:
    return np.empty(0, dtype=np.float32) if values is None else values
