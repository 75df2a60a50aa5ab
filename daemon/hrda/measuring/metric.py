"""Intersection over union from confusion matrices, of all images and of each, with an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    ratio = _ratio(matrix)
    return np.where(matrix.sum(axis=-1) > 0, ratio, np.nan)


def image_miou(matrices: Sequence[Counts]) -> float | None:
    """Mean over images of the mean IoU over the classes in the image's truth or prediction.

    A class that is only predicted counts 0 there, so that an image without weeds tells on
    false ones. Images without a labeled pixel are left out; None when there are no others.
    """
    labeled = [matrix for matrix in matrices if matrix.sum()]
    if not labeled:
        return None
    return float(np.mean([np.nanmean(_ratio(matrix)) for matrix in labeled]))


def by_name(values: npt.NDArray[np.float64], names: Sequence[str]) -> dict[str, float | None]:
    """The numbers by class name, None for NaN."""
    return {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(names, values, strict=True)
    }


def evaluation(matrices: Sequence[Counts], names: Sequence[str], seed: int = 0) -> Evaluation:
    """IoU of the summed matrix of each image, and the 95 % interval of their mean."""
    if not matrices:
        return Evaluation(images=0, miou=None, iou=dict.fromkeys(names))
    stacked = np.stack(matrices)  # (N, C, C)
    total = stacked.sum(axis=0)
    iou, whole = iou_of(total), tuple(tuple(map(int, row)) for row in total)
    found: Mapping[str, float | None] = by_name(iou, names)
    if np.isnan(iou).all():
        return Evaluation(images=len(matrices), miou=None, iou=found, confusion=whole)
    return Evaluation(
        images=len(matrices),
        miou=float(np.nanmean(iou)),
        iou=found,
        miou_interval=_interval(stacked, seed),
        image_miou=image_miou(matrices),
        confusion=whole,
    )


def _ratio(matrix: Counts) -> npt.NDArray[np.float64]:
    """(..., C): NaN where neither the truth nor the prediction holds the class."""
    hit = np.diagonal(matrix, axis1=-2, axis2=-1).astype(np.float64)
    either = matrix.sum(axis=-1) + matrix.sum(axis=-2) - hit
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(either > 0, hit / either, np.nan)


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
