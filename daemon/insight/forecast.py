"""Where the learning curve goes from here, never without an interval. Pure; the caller brings rng.

The families of curve_families.py are averaged by how well each foretold the last point. Whole
curves are drawn from that mixture, and every interval is a quantile of what they say; curves that
fall by more than `FALL`, or level off above 1, are left out.
tests/benchmarks/forecast_coverage.py counts how often the intervals hold what came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.insight.curve_families import FAMILIES, FamilyFit, fit_family, shape

Floats = npt.NDArray[np.float64]

MIN_POINTS = 3
LEVEL = 0.8  # of all intervals
CURVES = 2000
FEWEST_CURVES = 200
FALL = 0.1  # by how much a curve may fall in all: labels can spoil a model
SPREADS = (0.5, 2.0)  # of a point's interval against the median one: the least and most that count


@dataclass(frozen=True, kw_only=True)
class MeasuredPoint:
    """A point of the curve. width: of the interval of its value; None where it has none."""

    labels: int
    value: float
    width: float | None = None


@dataclass(frozen=True, kw_only=True)
class Range:
    """A forecast: its median and the ends of its 80 % interval."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, kw_only=True)
class FamilyWeight:
    """How a family did. weight: its share of the curves, in [0, 1]. last_error: what it foretold
    for the last point, from those before it, minus what came."""

    family: str
    weight: float
    last_error: float


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """K curves that fit the points: of each its family, as a position in FAMILIES, and parameters.

    last_labels: of the newest point. noises: (K,) of a measured point about each curve; errors:
    (K,) standard normal. families: the most fitting first.
    """

    families: tuple[FamilyWeight, ...]
    first_labels: int
    last_labels: int
    family: npt.NDArray[np.int64]
    rates: Floats
    levels: Floats
    heights: Floats
    noises: Floats
    errors: Floats

    def measured(self, labels: float) -> Range:
        """What a model of so many labels will be measured to have, in [0, 1]."""
        return _range(np.clip(self._values(labels) + self.noises * self.errors, 0.0, 1.0))

    def gain(self, labels: float) -> Range:
        """By how much the curve rises from the newest point to so many labels, noise apart."""
        return _range(self._values(labels) - self._values(self.last_labels))

    def labels_to_reach(self, value: float, most: int) -> Range:
        """Labels at which the curve reaches a value; infinite where not within `most` labels."""
        grid = np.geomspace(self.last_labels, max(most, self.last_labels + 1), 200)
        reached = np.stack([self._values(labels) >= value for labels in grid], axis=1)  # (K, G)
        return _range(np.where(reached.any(axis=1), grid[reached.argmax(axis=1)], np.inf))

    def _values(self, labels: float) -> Floats:
        """(K,) the value of each curve at so many labels."""
        ratio = np.array(labels / self.first_labels)
        falling = np.select(
            [self.family == position for position in range(len(FAMILIES))],
            [shape(family, ratio, self.rates) for family in FAMILIES],
        )
        return np.asarray(np.minimum(self.levels - self.heights * falling, 1.0))


def forecast(points: Sequence[MeasuredPoint], rng: np.random.Generator) -> Forecast | None:
    """Fit the families. None for fewer than three points of different numbers of labels, and where
    no family fits, such as a figure that falls with more labels."""
    ordered = sorted(points, key=lambda point: point.labels)
    if len({point.labels for point in ordered}) < MIN_POINTS or ordered[0].labels < 1:
        return None
    ratio = np.array([point.labels / ordered[0].labels for point in ordered])
    values = np.array([point.value for point in ordered])
    fits = [fit_family(family, ratio, values, _spreads(ordered)) for family in FAMILIES]
    densities = np.array([fit.last_density for fit in fits])
    weights = np.exp(densities - densities.max())
    weights /= weights.sum()
    drawn = [
        _draw(fit, round(4 * CURVES * weight), rng)
        for fit, weight in zip(fits, weights, strict=True)
    ]
    family = np.repeat(np.arange(len(FAMILIES)), [len(one) for one in drawn])
    kept = rng.permutation(len(family))[:CURVES]
    if len(kept) < FEWEST_CURVES:
        return None
    rates, levels, heights, noises = np.concatenate(drawn)[kept].T
    return Forecast(
        families=_family_weights(fits, family[kept]),
        first_labels=ordered[0].labels,
        last_labels=ordered[-1].labels,
        family=family[kept],
        rates=rates,
        levels=levels,
        heights=heights,
        noises=noises,
        errors=rng.standard_normal(len(kept)),
    )


def _draw(fit: FamilyFit, curves: int, rng: np.random.Generator) -> Floats:
    """(K, 4): rate, level, height and noise of the drawn curves that may be."""
    rows = rng.choice(len(fit.rates), size=curves, p=np.exp(fit.log_weight))
    root = np.linalg.cholesky(fit.covariance)[rows]
    found = fit.mean[rows] + np.einsum("kij,kj->ki", root, rng.standard_normal((curves, 2)))
    level, height = found.T
    possible = (height >= -FALL) & ((level <= 1) | (fit.family == "logarithmic"))
    parameters = np.stack([fit.rates[rows], level, height, fit.noises[rows]], axis=1)
    return np.asarray(parameters[possible])


def _family_weights(
    fits: Sequence[FamilyFit], family: npt.NDArray[np.int64]
) -> tuple[FamilyWeight, ...]:
    shares = np.bincount(family, minlength=len(fits)) / len(family)
    found = [
        FamilyWeight(family=fit.family, weight=float(share), last_error=fit.last_error)
        for fit, share in zip(fits, shares, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -one.weight))


def _spreads(points: Sequence[MeasuredPoint]) -> Floats:
    """(N,) factors of the noise: a point with a wide interval counts for less."""
    known = [point.width for point in points if point.width]
    usual = float(np.median(known)) if known else 1.0
    widths = [(point.width or usual) / usual for point in points]
    return np.clip(np.array(widths, np.float64), *SPREADS)


def _range(values: Floats) -> Range:
    tail = (1 - LEVEL) / 2
    low, middle, high = np.quantile(values, [tail, 0.5, 1 - tail], method="higher")
    return Range(low=float(low), middle=float(middle), high=float(high))
