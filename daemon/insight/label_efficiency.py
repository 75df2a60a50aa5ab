"""How much a learning curve reaches with how many labels. Pure.

x is the number of training labels, rising; y is in [0, 1], usually the mIoU. Between two points the
curve is a straight line, beyond them it is unknown. Training is noisy, so curves are averaged
over seeds before a crossing is read off, and the first crossing counts: what was reached once with
fewer labels stays reached.

Interval of the labels saved: the pairs are drawn again with replacement (paired bootstrap). With
few pairs the percentile interval is too short, so its levels are moved outwards as Hesterberg 2015
(arXiv 1411.5279, section 4.5, "expanded percentile") does: to the normal quantile of
t * sqrt(n / (n - 1)). `COVERAGE` says what is left of 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from daemon.insight.paired_difference import MIN_PAIRS, Interval, t_quantile

Curves = npt.NDArray[np.float64]  # (n, K): n runs at K label counts

DRAWS = 4000
# Pairs -> how often the interval holds the true number of saved labels on synthetic curves, lowest
# of the cases: tests/benchmarks/labels_saved_coverage.py.
COVERAGE: Mapping[int, float] = {3: 0.76, 4: 0.89, 5: 0.93, 6: 0.94, 8: 0.94, 10: 0.94, 20: 0.95}


@dataclass(frozen=True, kw_only=True)
class LabelsSaved:
    """level: the highest figure that both mean curves reach. labels, baseline_labels: how many each
    needs for it. saved: baseline_labels - labels; below 0 the baseline needs fewer. interval: 95 %,
    of `saved`; None with fewer than 3 pairs. coverage: how often such an interval holds the true
    number in simulation."""

    level: float
    labels: float
    baseline_labels: float
    saved: float
    pairs: int
    interval: Interval | None
    coverage: float | None


def normalised_area(labels: Sequence[float], figures: Sequence[float | None]) -> float | None:
    """The mean height of a curve over its labels: the area by trapezoids, divided by the range of
    labels; in [0, 1]. None with fewer than two points, or where a figure is missing."""
    known = [figure for figure in figures if figure is not None]
    if len(known) < len(figures) or len(known) < 2:
        return None
    x = np.asarray(labels, dtype=np.float64)
    return float(np.trapezoid(np.asarray(known), x) / (x[-1] - x[0]))


def labels_to_reach(
    labels: Sequence[float], figures: Sequence[float], level: float
) -> float | None:
    """The labels at which a curve first reaches a level, between two points by a straight line.

    None where it never does. The first number of labels where the first point is there already:
    fewer may be enough, which was not measured.
    """
    found = _first_crossing(
        np.asarray(labels, dtype=np.float64), np.asarray([figures]), np.asarray([level])
    )
    return None if np.isnan(found[0]) else float(found[0])


def labels_saved(
    labels: Sequence[float], curves: Curves, baseline: Curves, rng: np.random.Generator
) -> LabelsSaved:
    """Labels saved at equal height of the two mean curves.

    curves, baseline: (n, K), row i of both is a pair, without NaN. Raises ValueError for other
    shapes or NaN.
    """
    x, n = np.asarray(labels, dtype=np.float64), len(curves)
    if curves.shape != baseline.shape or curves.shape != (n, len(x)) or not n:
        raise ValueError(
            f"pairs of curves: got {curves.shape} and {baseline.shape} for {len(x)} label counts; "
            f"expected (pairs, label counts) twice"
        )
    if not (np.isfinite(curves).all() and np.isfinite(baseline).all()):
        raise ValueError("pairs of curves: a figure is NaN or infinite; leave out that pair")
    level, ours, theirs = _at_equal_height(x, curves.mean(0)[None], baseline.mean(0)[None])
    interval = None
    if n >= MIN_PAIRS:
        drawn = rng.multinomial(n, np.full(n, 1 / n), DRAWS) / n  # (DRAWS, n) weights of the pairs
        _, need, baseline_need = _at_equal_height(x, drawn @ curves, drawn @ baseline)
        interval = _expanded_percentiles(baseline_need - need, n)
    return LabelsSaved(
        level=float(level[0]),
        labels=float(ours[0]),
        baseline_labels=float(theirs[0]),
        saved=float(theirs[0] - ours[0]),
        pairs=n,
        interval=interval,
        coverage=_coverage(n) if interval else None,
    )


def _at_equal_height(x: Curves, curves: Curves, baseline: Curves) -> tuple[Curves, Curves, Curves]:
    """For each row: the highest level that both curves reach, and the labels each needs for it."""
    level = np.minimum(curves.max(axis=1), baseline.max(axis=1))
    return level, _first_crossing(x, curves, level), _first_crossing(x, baseline, level)


def _first_crossing(x: Curves, curves: Curves, level: Curves) -> Curves:
    """(rows,) labels at which each row of curves (rows, K) first reaches its level; NaN: never."""
    reached = curves >= level[:, None]
    after = reached.argmax(axis=1)  # index of the first point at or above the level
    before, rows = np.maximum(after - 1, 0), np.arange(len(curves))
    low, high = curves[rows, before], curves[rows, after]
    rise = np.where(high > low, high - low, 1.0)
    part = np.where(after > 0, (level - low) / rise, 0.0)
    crossing = x[before] + part * (x[after] - x[before])
    return np.where(reached.any(axis=1), crossing, np.nan)


def _expanded_percentiles(values: Curves, n: int) -> Interval:
    tail = float(ndtr(-t_quantile(n - 1) * math.sqrt(n / (n - 1))))
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _coverage(pairs: int) -> float | None:
    """The measured coverage for so many pairs: that of the next smaller number measured."""
    measured = [count for count in COVERAGE if count <= pairs]
    return COVERAGE[max(measured)] if measured else None
