"""Families of curves of a figure y in [0, 1] over the number of labels n, fitted to points. Pure.

With n_1 labels at the first point, each family is y = a - b g(n / n_1), g falling from 1:

- power:        g(x) = x^-c
- exponential:  g(x) = exp(-c (x - 1))
- inverse:      g(x) = 1 / (1 + c (x - 1))
- logarithmic:  g(x) = 1 - c ln x, which never levels off

For each rate c and each noise of a grid, a and b have a normal prior, and so a normal posterior in
closed form (Bayesian linear regression: C. Bishop, Pattern Recognition and Machine Learning, 2006,
section 3.3). A family's weight is how likely its fit to all points but the last made the last one
(leave-last-out); within a family, the evidence of all points decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RATES = tuple(float(rate) for rate in np.geomspace(0.05, 3.0, 12))
NOISES = (0.004, 0.008, 0.014, 0.022, 0.035)  # standard deviation of a point about its curve
PRIOR_MEAN = np.array([0.75, 0.3])  # of a and b, in units of y
PRIOR_SD = np.array([0.25, 0.25])

_FAMILIES: Mapping[str, tuple[Sequence[float], Callable[[Floats, Floats], Floats]]] = {
    "power": (RATES, lambda x, c: x**-c),
    "exponential": (RATES, lambda x, c: np.exp(-c * (x - 1))),
    "inverse": (RATES, lambda x, c: 1 / (1 + c * (x - 1))),
    "logarithmic": ((0.3,), lambda x, c: 1 - c * np.log(x)),
}
FAMILIES = tuple(_FAMILIES)


@dataclass(frozen=True, kw_only=True)
class FamilyFit:
    """A family, fitted with every rate and noise: M of them.

    log_weight: (M,) and normalised. rates, noises: (M,). mean: (M, 2) of a and b; covariance:
    (M, 2, 2). last_density: log density of the last point given those before it. last_error: what
    the family foretold for the last point, minus what came.
    """

    family: str
    rates: Floats
    noises: Floats
    log_weight: Floats
    mean: Floats
    covariance: Floats
    last_density: float
    last_error: float


def shape(family: str, ratio: Floats, rate: Floats) -> Floats:
    """g of a family. ratio: n / n_1."""
    return _FAMILIES[family][1](ratio, rate)


def fit_family(family: str, ratio: Floats, values: Floats, spread: Floats) -> FamilyFit:
    """Fit a family. ratio, values: (N,) n / n_1 and y, by n. spread: (N,) factors of the noise."""
    rates, noises = (
        grid.ravel() for grid in np.meshgrid(_FAMILIES[family][0], NOISES, indexing="ij")
    )
    falling = shape(family, ratio[None], rates[:, None])  # (M, N)
    design = np.stack([np.ones_like(falling), -falling], axis=-1)  # (M, N, 2)
    noise = noises[:, None] * spread  # (M, N)
    before, mean, covariance = _regression(design[:, :-1], values[:-1], noise[:, :-1])
    foretold = np.einsum("mi,mi->m", design[:, -1], mean)
    variance = np.einsum("mi,mij,mj->m", design[:, -1], covariance, design[:, -1])
    last = _log_normal(values[-1] - foretold, variance + noise[:, -1] ** 2)
    evidence, mean, covariance = _regression(design, values, noise)
    before = before - _log_sum(before)
    return FamilyFit(
        family=family,
        rates=rates,
        noises=noises,
        log_weight=evidence - _log_sum(evidence),
        mean=mean,
        covariance=covariance,
        last_density=_log_sum(before + last),
        last_error=float(np.exp(before) @ foretold - values[-1]),
    )


def _regression(design: Floats, values: Floats, noise: Floats) -> tuple[Floats, Floats, Floats]:
    """Log evidence (M,), posterior mean (M, 2) and covariance (M, 2, 2) of a and b."""
    residual = values - design @ PRIOR_MEAN  # (M, N)
    scaled = design / noise[..., None] ** 2
    precision = np.diag(PRIOR_SD**-2) + np.einsum("mni,mnj->mij", scaled, design)
    covariance = np.linalg.inv(precision)
    pull = np.einsum("mni,mn->mi", scaled, residual)
    gained = np.einsum("mi,mij,mj->m", pull, covariance, pull)
    size = np.linalg.slogdet(precision)[1] + 2 * np.log(noise).sum(axis=1)
    evidence = -0.5 * (((residual / noise) ** 2).sum(axis=1) - gained + size)
    return evidence, PRIOR_MEAN + np.einsum("mij,mj->mi", covariance, pull), covariance


def _log_normal(gap: Floats, variance: Floats) -> Floats:
    return np.asarray(-0.5 * (gap**2 / variance + np.log(2 * np.pi * variance)))


def _log_sum(logs: Floats) -> float:
    """Log of the sum of exponentials."""
    most = logs.max()
    return float(most + np.log(np.exp(logs - most).sum()))
