"""The 95 % interval of an mIoU over few images, each class summed over the images first.

The images are left out one at a time (jackknife); the mIoUs without each are taken to the logit
scale, where their distribution is nearly symmetric. Student's t with few degrees of freedom
allows for the uncertainty of a variance from few images. The degrees of freedom are estimated:
- Satterthwaite's for one sample, from the fourth moment: an image that outweighs the others
  leaves few. FREEDOM_SHRINKAGE corrects for heavy tails that a small sample does not show;
- Welch's over the classes: a class that three images hold gives two.

tests/benchmarks/interval_coverage.py draws images from populations with known mIoU and counts how
often the interval contains it: COVERAGE. B. Efron, The Jackknife, the Bootstrap and Other
Resampling Plans, SIAM 1982; F. E. Satterthwaite, Biometrics Bulletin 2, 1946.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from daemon.domain import Interval, Missing, Why

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

MIN_IMAGES = 8  # or groups; with fewer no method that was tried has its nominal coverage
MIN_HOLDING = 3  # images that hold a class of the mean
LEVEL = 0.95
FREEDOM_SHRINKAGE = 0.5
MIN_FREEDOM = 1.5
MIN_DISTANCE = 1e-6  # of an mIoU from 0 and 1, for the logit

# (images or groups from, simulated coverage): the mean over the benchmark's populations, seed 0.
COVERAGE = ((8, 0.954), (12, 0.956), (16, 0.961), (32, 0.960), (64, 0.953), (200, 0.953))


def interval_of(
    stacked: Counts, names: Sequence[str], groups: Sequence[str] = ()
) -> Interval | Missing:
    """The 95 % interval of the mIoU, or why there is none.

    stacked: (N, C, C) confusion matrix of each image. groups: (N,) of the images, where they were
    drawn in groups (a video, a field): then groups are left out instead of images, since images of
    a group are alike. Empty: there are no groups.
    """
    samples = _by_group(stacked, groups) if groups else stacked
    if len(samples) < MIN_IMAGES:
        why = Why.FEW_GROUPS if groups else Why.FEW_IMAGES
        return Missing(why=why, count=len(samples), needed=MIN_IMAGES)
    found = interval_of_pixels(*intersection_and_union(samples), names)
    return replace(found, groups=len(samples)) if groups and isinstance(found, Interval) else found


def interval_of_pixels(
    intersection: Floats, union: Floats, present: npt.NDArray[np.bool_], names: Sequence[str]
) -> Interval | Missing:
    """The same for images that count each for itself, (N, C) each of `intersection_and_union`."""
    if len(intersection) < MIN_IMAGES:
        return Missing(why=Why.FEW_IMAGES, count=len(intersection), needed=MIN_IMAGES)
    holding = present.sum(axis=0)
    rare = tuple(
        name for name, count in zip(names, holding, strict=True) if 0 < count < MIN_HOLDING
    )
    if rare:
        return Missing(why=Why.RARE_CLASS, classes=rare, needed=MIN_HOLDING)
    low, high = interval_limits(intersection, union, present)
    if low == high:
        return Missing(why=Why.NO_SPREAD, count=len(intersection))
    return Interval(
        low=float(low),
        high=float(high),
        coverage=max(row for row in COVERAGE if row[0] <= len(intersection))[1],
    )


def intersection_and_union(stacked: Counts) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """(..., C) each: intersection and union in pixels, and whether the truth holds the class."""
    intersection = np.diagonal(stacked, axis1=-2, axis2=-1).astype(np.float64)
    truth = stacked.sum(axis=-1)
    return intersection, truth + stacked.sum(axis=-2) - intersection, truth > 0


def interval_limits(
    intersection: Floats, union: Floats, present: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Both limits, (...). The arrays are (..., N, C), from `intersection_and_union`."""
    from scipy import special  # here, since few programs need it

    count = intersection.shape[-2]
    known = np.asarray(present.any(axis=-2))
    leave_one_out = _ratio(
        _others(intersection), _others(union), known[..., None, :]
    )  # (..., N, C)
    estimate = np.nanmean(_ratio(intersection.sum(axis=-2), union.sum(axis=-2), known), axis=-1)
    deviation = _logit(np.nanmean(leave_one_out, axis=-1))
    deviation = deviation - deviation.mean(axis=-1, keepdims=True)
    variance = (count - 1) / count * (deviation**2).sum(axis=-1)
    freedom = np.minimum(
        FREEDOM_SHRINKAGE * _by_images(deviation), _by_classes(leave_one_out, present)
    )
    width = special.stdtrit(np.clip(freedom, MIN_FREEDOM, count - 1), (1 + LEVEL) / 2)
    width = width * np.sqrt(variance)
    return special.expit(_logit(estimate) - width), special.expit(_logit(estimate) + width)


def _by_images(deviation: Floats) -> Floats:
    """Satterthwaite's degrees of freedom of a sum of squares. deviation: (..., N), mean 0."""
    squares, fourth = (deviation**2).sum(axis=-1), (deviation**4).sum(axis=-1)
    over = fourth - squares**2 / deviation.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(over > 0, 2 * squares**2 / over, deviation.shape[-1] - 1.0)


def _by_classes(leave_one_out: Floats, present: npt.NDArray[np.bool_]) -> Floats:
    """Welch's degrees of freedom, each class with the images that hold it.

    leave_one_out: (..., N, C), the IoU of each class without each image.
    """
    deviation = leave_one_out - leave_one_out.mean(axis=-2, keepdims=True)
    by_class = np.nansum(deviation**2, axis=-2)  # (..., C)
    own = np.maximum(present.sum(axis=-2) - 1, 1)
    total = (by_class**2 / own).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, by_class.sum(axis=-1) ** 2 / total, present.shape[-2] - 1.0)


def _others(pixels: Floats) -> Floats:
    """(..., N, C): the sum over all images but one, for each image."""
    return np.asarray(pixels.sum(axis=-2, keepdims=True) - pixels)


def _ratio(intersection: Floats, union: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known & (union > 0), intersection / union, np.nan)


def _logit(share: Floats) -> Floats:
    from scipy import special

    return np.asarray(special.logit(np.clip(share, MIN_DISTANCE, 1 - MIN_DISTANCE)))


def _by_group(stacked: Counts, groups: Sequence[str]) -> Counts:
    """(G, C, C): the matrices of each group summed."""
    rows = np.unique(np.array(groups), return_inverse=True)[1]
    summed = np.zeros((rows.max() + 1, *stacked.shape[1:]), np.int64)
    np.add.at(summed, rows, stacked)
    return summed
