"""The 95 % interval of an mIoU over few images, each class summed over the images first.

The images are left out one at a time (jackknife); the mIoUs that this gives are put on the logit
scale, where their spread is nearly symmetric; Student's t with few degrees of freedom stands for
how badly a few images tell the spread. The degrees of freedom come from the images themselves:
- Satterthwaite's for one sample, from the fourth moment: an image that outweighs the others
  leaves few. DOUBT takes off what a small sample does not show of heavy tails;
- Welch's over the classes: a class that three images hold gives two.

tests/benchmarks/interval_coverage.py draws images from populations with known mIoU and counts how
often the interval holds it: COVERAGE. B. Efron, The Jackknife, the Bootstrap and Other Resampling
Plans, SIAM 1982; F. E. Satterthwaite, Biometrics Bulletin 2, 1946.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from daemon.domain import Interval, Missing, Why

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

FEWEST_IMAGES = 8  # or groups; with fewer no method that was tried covers what it claims
FEWEST_HOLDING = 3  # images that hold a class of the mean
LEVEL = 0.95
FREEDOM_SHRINKAGE = 0.5
LEAST_FREEDOM = 1.5
EDGE = 1e-6  # an mIoU nearer to 0 or 1 is taken for this

# Simulated, by images or groups at least: the mean over the populations of the benchmark, seed 0.
COVERAGE = ((8, 0.954), (12, 0.956), (16, 0.961), (32, 0.960), (64, 0.953), (200, 0.953))


def interval_of(
    stacked: Counts, names: Sequence[str], groups: Sequence[str] = ()
) -> Interval | Missing:
    """The 95 % interval of the mIoU, or why there is none.

    stacked: (N, C, C) confusion matrix of each image. groups: (N,) of the images, where they were
    drawn in groups (a video, a field): then whole groups are left out, as images of a group
    are alike. Empty: each image for itself.
    """
    units = _by_group(stacked, groups) if groups else stacked
    if len(units) < FEWEST_IMAGES:
        why = Why.FEW_GROUPS if groups else Why.FEW_IMAGES
        return Missing(why=why, count=len(units), needed=FEWEST_IMAGES)
    hit, either, held = intersection_and_union(units)
    holding = held.sum(axis=0)
    rare = tuple(
        name for name, count in zip(names, holding, strict=True) if 0 < count < FEWEST_HOLDING
    )
    if rare:
        return Missing(why=Why.RARE_CLASS, classes=rare, needed=FEWEST_HOLDING)
    low, high = interval_limits(hit, either, held)
    if low == high:
        return Missing(why=Why.NO_SPREAD, count=len(units))
    return Interval(
        low=float(low),
        high=float(high),
        coverage=max(row for row in COVERAGE if row[0] <= len(units))[1],
        groups=len(units) if groups else None,
    )


def intersection_and_union(stacked: Counts) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """(..., C) each: pixels in truth and prediction, in either, and whether the truth holds any."""
    hit = np.diagonal(stacked, axis1=-2, axis2=-1).astype(np.float64)
    truth = stacked.sum(axis=-1)
    return hit, truth + stacked.sum(axis=-2) - hit, truth > 0


def interval_limits(
    hit: Floats, either: Floats, held: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Both ends. The arrays are (..., N, C), as `parts` gives them; the ends are (...)."""
    count = hit.shape[-2]
    known = np.asarray(held.any(axis=-2))
    without = _ratio(_others(hit), _others(either), known[..., None, :])  # (..., N, C)
    middle = np.nanmean(_ratio(hit.sum(axis=-2), either.sum(axis=-2), known), axis=-1)
    apart = _logit(np.nanmean(without, axis=-1))
    apart = apart - apart.mean(axis=-1, keepdims=True)
    spread = (count - 1) / count * (apart**2).sum(axis=-1)
    freedom = np.minimum(FREEDOM_SHRINKAGE * _by_images(apart), _by_classes(without, held))
    width = special.stdtrit(np.clip(freedom, LEAST_FREEDOM, count - 1), (1 + LEVEL) / 2)
    width = width * np.sqrt(spread)
    return special.expit(_logit(middle) - width), special.expit(_logit(middle) + width)


def _by_images(apart: Floats) -> Floats:
    """Satterthwaite's degrees of freedom of a sum of squares. apart: (..., N), mean 0."""
    squares, fourth = (apart**2).sum(axis=-1), (apart**4).sum(axis=-1)
    over = fourth - squares**2 / apart.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(over > 0, 2 * squares**2 / over, apart.shape[-1] - 1.0)


def _by_classes(without: Floats, held: npt.NDArray[np.bool_]) -> Floats:
    """Welch's, each class with the images that hold it. without: (..., N, C)."""
    apart = without - without.mean(axis=-2, keepdims=True)
    each = np.nansum(apart**2, axis=-2)  # (..., C)
    own = np.maximum(held.sum(axis=-2) - 1, 1)
    total = (each**2 / own).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, each.sum(axis=-1) ** 2 / total, held.shape[-2] - 1.0)


def _others(pixels: Floats) -> Floats:
    """(..., N, C): the sum over all but one, for each."""
    return np.asarray(pixels.sum(axis=-2, keepdims=True) - pixels)


def _ratio(hit: Floats, either: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known & (either > 0), hit / either, np.nan)


def _logit(share: Floats) -> Floats:
    return np.asarray(special.logit(np.clip(share, EDGE, 1 - EDGE)))


def _by_group(stacked: Counts, groups: Sequence[str]) -> Counts:
    """(G, C, C): the matrices of each group summed."""
    rows = np.unique(np.array(groups), return_inverse=True)[1]
    summed = np.zeros((rows.max() + 1, *stacked.shape[1:]), np.int64)
    np.add.at(summed, rows, stacked)
    return summed
