"""Intersection over union from a confusion matrix, with a bootstrap interval over images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Evaluation, Mask

Counts = npt.NDArray[np.int64]
RESAMPLES = 1000


def confusion(truth: Mask, predicted: Mask, classes: int) -> Counts:
    """(C, C) pixels by (truth, prediction); pixels without a label are left out."""
    labeled = truth != IGNORE
    pairs = truth[labeled].astype(np.int64) * classes + predicted[labeled]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def iou_of(matrix: Counts) -> npt.NDArray[np.float64]:
    """(..., C) from (..., C, C); NaN for a class that the truth does not hold."""
    hit = np.diagonal(matrix, axis1=-2, axis2=-1).astype(np.float64)
    true, said = matrix.sum(axis=-1), matrix.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(true > 0, hit / (true + said - hit), np.nan)


def evaluation(matrices: Sequence[Counts], names: Sequence[str], seed: int = 0) -> Evaluation:
    """IoU of the summed matrix of each image, and the 95 % interval of their mean."""
    if not matrices:
        return Evaluation(images=0, miou=None, iou=dict.fromkeys(names))
    stacked = np.stack(matrices)  # (N, C, C)
    iou = iou_of(stacked.sum(axis=0))
    by_name = {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(names, iou, strict=True)
    }
    if np.isnan(iou).all():
        return Evaluation(images=len(matrices), miou=None, iou=by_name)
    low, high = _interval(stacked, seed)
    return Evaluation(
        images=len(matrices), miou=float(np.nanmean(iou)), iou=by_name, miou_interval=(low, high)
    )


def _interval(stacked: Counts, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    count = len(stacked)
    means = []
    for _ in range(RESAMPLES):
        drawn = np.bincount(rng.integers(count, size=count), minlength=count)
        iou = iou_of(np.tensordot(drawn, stacked, axes=1))
        if not np.isnan(iou).all():
            means.append(np.nanmean(iou))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
