"""Intersection over union from confusion matrices, of all images and of each, with an interval."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Evaluation, Interval, Mask, Missing, Why
from daemon.domain.evaluations import COMMON_IGNORE, INTERVAL, MIOU, MeasuredImage, iou_figure
from daemon.rules.miou_interval import interval_of

Counts = npt.NDArray[np.int64]
MOST_MISTAKES = 64  # cells of the matrix of an image that are kept


def confusion(truth: Mask, predicted: Mask, classes: int) -> Counts:
    """(C, C) pixels by (truth, prediction), from (H, W) masks; unlabeled pixels are left out."""
    labeled = truth != IGNORE
    pairs = truth[labeled].astype(np.int64) * classes + predicted[labeled]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def iou_of(matrix: Counts) -> npt.NDArray[np.float64]:
    """(..., C) from (..., C, C); NaN for a class that the truth does not hold."""
    ratio = _ratio(matrix)
    return np.where(matrix.sum(axis=-1) > 0, ratio, np.nan)


def image_miou(matrices: Sequence[Counts]) -> float | None:
    """Mean over images of the mean IoU over the classes in the image's truth or prediction.

    A class that is only predicted counts 0 there, so that an image without weeds shows false
    ones. Images without a labeled pixel are left out; None when there are no others.
    """
    labeled = [matrix for matrix in matrices if matrix.sum()]
    if not labeled:
        return None
    return float(np.mean([np.nanmean(_ratio(matrix)) for matrix in labeled]))


def measured_images(
    ids: Sequence[int], groups: Sequence[str], matrices: Sequence[Counts]
) -> tuple[MeasuredImage, ...]:
    """Each image by itself: of its (C, C) matrix three counts a class, and the largest mistakes."""
    return tuple(
        MeasuredImage(image=image, group=group, pixels=_pixels(matrix), mistakes=_mistakes(matrix))
        for image, group, matrix in zip(ids, groups, matrices, strict=True)
    )


def _pixels(matrix: Counts) -> tuple[tuple[int, int, int], ...]:
    common, truth, predicted = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return tuple((int(a), int(b), int(c)) for a, b, c in zip(common, truth, predicted, strict=True))


def _mistakes(matrix: Counts) -> tuple[tuple[int, int, int], ...]:
    """(true class, predicted class, pixels) of a (C, C) matrix, most pixels first."""
    wrong = matrix - np.diag(np.diagonal(matrix))
    cells = [(int(t), int(p), int(wrong[t, p])) for t, p in np.argwhere(wrong)]
    return tuple(sorted(cells, key=lambda cell: (-cell[2], cell))[:MOST_MISTAKES])


def by_name(values: npt.NDArray[np.float64], names: Sequence[str]) -> dict[str, float | None]:
    """The (C,) values by class name, None for NaN."""
    return {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(names, values, strict=True)
    }


def evaluation(
    matrices: Sequence[Counts],
    names: Sequence[str],
    *,
    groups: Sequence[str] = (),
    ignored: float = 0.0,
) -> Evaluation:
    """IoU by class of the summed matrices, their mean, and the 95 % interval of the mean.

    groups: of the images, where they were drawn in groups. ignored: share of the pixels of the
    truth that are 255, in [0, 1].
    """
    if not matrices:
        none = Missing(why=Why.NO_IMAGES)
        return dataclasses.replace(Evaluation.absent(none), iou=dict.fromkeys(names))
    stacked = np.stack(matrices)  # (N, C, C)
    total = stacked.sum(axis=0)
    iou = by_name(iou_of(total), names)
    missing = _absent_classes(iou, ignored)
    found = Evaluation(
        images=len(matrices),
        miou=None,
        iou=iou,
        image_miou=image_miou(matrices),
        confusion=tuple(tuple(map(int, row)) for row in total),
    )
    present = [value for value in iou.values() if value is not None]
    if len(present) < 2:
        why = _why_no_mean(present, missing)
        return dataclasses.replace(found, missing=missing | {MIOU: why, INTERVAL: why})
    found = dataclasses.replace(found, miou=float(np.mean(present)), missing=missing)
    return _with_interval(found, interval_of(stacked, names, groups))


def _with_interval(found: Evaluation, interval: Interval | Missing) -> Evaluation:
    if isinstance(interval, Missing):
        return dataclasses.replace(found, missing={**found.missing, INTERVAL: interval})
    return dataclasses.replace(
        found,
        miou_interval=(interval.low, interval.high),
        interval_coverage=interval.coverage,
        interval_groups=interval.groups,
    )


def _absent_classes(iou: Mapping[str, float | None], ignored: float) -> dict[str, Missing]:
    """Figure name -> the reason, for classes without IoU."""
    why = Why.CLASS_AS_IGNORE if ignored >= COMMON_IGNORE else Why.CLASS_ABSENT
    return {
        iou_figure(name): Missing(why=why, classes=(name,), share=ignored)
        for name, value in iou.items()
        if value is None
    }


def _why_no_mean(present: Sequence[float], missing: Mapping[str, Missing]) -> Missing:
    if not present:
        return Missing(why=Why.NO_LABEL)
    absent = tuple(name for reason in missing.values() for name in reason.classes)
    share = next(iter(missing.values())).share
    as_ignore = any(reason.why is Why.CLASS_AS_IGNORE for reason in missing.values())
    why = Why.CLASS_AS_IGNORE if as_ignore else Why.ONE_CLASS
    return Missing(why=why, classes=absent, share=share)


def _ratio(matrix: Counts) -> npt.NDArray[np.float64]:
    """(..., C): NaN where neither the truth nor the prediction holds the class."""
    intersection = np.diagonal(matrix, axis1=-2, axis2=-1).astype(np.float64)
    union = matrix.sum(axis=-1) + matrix.sum(axis=-2) - intersection
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(union > 0, intersection / union, np.nan)
