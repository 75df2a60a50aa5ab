"""Pairs of figures that differ in one thing only: their mean difference and what it proves. Pure.

A pair is two runs with the same seed, so the same initial labels and the same first model. The
interval is Student's t of the differences; power is that of the two-sided t-test, from the
noncentral t distribution (Cohen 1988, Statistical Power Analysis, chapter 2). It is integrated here
over the standard deviation that a sample may have: nctdtr of scipy 1.17 gives NaN for few pairs.
"""

from __future__ import annotations

import bisect
import enum
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, ndtr, stdtrit

LEVEL = 0.05  # of the two-sided test; the intervals are at 1 - LEVEL
POWER = 0.8
MIN_PAIRS = 3  # with two, an interval of Student's t is 12.7 standard errors long on each side
MOST_PAIRS = 1000  # more than anybody trains
NODES = 200  # of the integral of the power: right to six digits

Interval = tuple[float, float]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MeanEstimate:
    """A mean over n figures. sd: standard deviation with n - 1. interval: 95 %, Student's t; both
    are None with one figure."""

    mean: float
    n: int
    sd: float | None
    interval: Interval | None


class Verdict(enum.StrEnum):
    """What a mean difference proves, from the better-is-larger view."""

    BETTER = "better"
    WORSE = "worse"
    WITHIN_NOISE = "within noise"
    NOT_ENOUGH_PAIRS = "not enough pairs"


def mean_estimate(values: Sequence[float]) -> MeanEstimate:
    """The mean of at least one figure with its t-interval. Raises ValueError for none or NaN."""
    figures = np.asarray(values, dtype=np.float64)  # (n,)
    if not figures.size or not np.isfinite(figures).all():
        raise ValueError(f"a mean needs finite figures, got {list(values)!r}")
    mean, n = float(figures.mean()), len(figures)
    if n == 1:
        return MeanEstimate(mean=mean, n=1, sd=None, interval=None)
    sd = float(figures.std(ddof=1))
    half = t_quantile(n - 1) * sd / math.sqrt(n)
    return MeanEstimate(mean=mean, n=n, sd=sd, interval=(mean - half, mean + half))


def paired_difference(figures: Sequence[float], baseline: Sequence[float]) -> MeanEstimate:
    """The mean of figures minus baseline; index i of both is one pair. Raises ValueError if the
    numbers differ."""
    pairs = zip(figures, baseline, strict=True)
    return mean_estimate([figure - other for figure, other in pairs])


def judge(difference: MeanEstimate, noise_band: float | None) -> Verdict:
    """The verdict on a difference of which the larger is the better.

    noise_band: half the width of what training alone makes of a difference of two means
    (training_noise.py); None where it was not measured. A difference is better or worse only where
    its interval leaves out 0 and it is itself larger than the band.
    """
    if difference.interval is None or difference.n < MIN_PAIRS:
        return Verdict.NOT_ENOUGH_PAIRS
    low, high = difference.interval
    if low <= 0 <= high or abs(difference.mean) <= (noise_band or 0.0):
        return Verdict.WITHIN_NOISE
    return Verdict.BETTER if low > 0 else Verdict.WORSE


def pairs_to_decide(difference: float, sd: float) -> int | None:
    """The smallest number of pairs with which a t-test finds a true difference with power 0.8.

    difference: the true mean of the paired differences, of either sign; sd: their standard
    deviation. None: more than MOST_PAIRS. The power is exact, no normal approximation.
    """
    if difference == 0:
        return None
    if sd == 0:
        return 2
    numbers = range(2, MOST_PAIRS + 1)  # the power rises with them
    effect = abs(difference) / sd
    enough = bisect.bisect_left(numbers, POWER, key=lambda n: power(effect, n))
    return numbers[enough] if enough < len(numbers) else None


def smallest_difference(sd: float, pairs: int) -> float:
    """The true difference that a t-test with so many pairs finds with power 0.8, by bisection.

    sd: standard deviation of the paired differences. pairs: at least 2.
    """
    low, high = 0.0, 1.0
    while power(high, pairs) < POWER:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, pairs) >= POWER else (middle, high)
    return high * sd


def power(effect: float, pairs: int) -> float:
    """The chance that a two-sided paired t-test at 5 % finds an effect (difference over sd)."""
    freedom, shift = pairs - 1, effect * math.sqrt(pairs)
    nodes, weights = _quadrature()
    chi_squared = 2 * gammaincinv(freedom / 2, (nodes + 1) / 2)
    limits = t_quantile(freedom) * np.sqrt(chi_squared / freedom)  # of the mean, in standard errors
    return float((weights * (ndtr(shift - limits) + ndtr(-shift - limits))).sum() / 2)


@functools.cache
def _quadrature() -> tuple[Array, Array]:
    """Nodes in (-1, 1) and weights of Gauss and Legendre."""
    return np.polynomial.legendre.leggauss(NODES)


def t_quantile(freedom: int) -> float:
    """How many standard errors a 95 % interval reaches on each side. freedom: at least 1."""
    return float(stdtrit(freedom, 1 - LEVEL / 2))
