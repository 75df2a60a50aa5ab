"""The learning curve over the validation images of one group (`[validation] group_by`): a video, a
field. Pure: pixels of each image in, evaluations out.

The interval leaves the images of the group out one at a time, as daemon/rules/miou_interval.py
says: it is of the images of this group alone, and holds where they are no copies of each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from daemon.domain import CurvePoint, Evaluation, Interval, Missing, Why
from daemon.domain.evaluations import INTERVAL, MIOU, iou_figure
from daemon.insight.missing_figures import interval_words
from daemon.insight.view_model import Count, ViewModel
from daemon.rules.miou_interval import interval_of_pixels

Pixels = npt.NDArray[np.int64]  # (N, C, 3): in common, of the truth, of the prediction
GroupPixels = Mapping[str, Pixels]  # name of a group -> its images


class CurveGroup(ViewModel):
    """A group of validation images."""

    name: str
    """Its name, as `[validation] group_by` finds it in the names of the images."""
    images: Count
    """Images of it that the newest model was measured on."""


class ShownGroup(CurveGroup):
    """The group whose curve is shown."""

    interval_words: tuple[str, ...]
    """Of each point, what its interval was computed from, or why there is none: "no interval: 3
    images; no method is right with fewer than 8"."""


def groups_of(newest: GroupPixels) -> tuple[CurveGroup, ...]:
    """The groups, the largest first; none where the images were not drawn in groups."""
    named = [CurveGroup(name=name, images=len(rows)) for name, rows in newest.items() if name]
    return tuple(sorted(named, key=lambda one: (-one.images, one.name)))


def group_points(
    points: Sequence[CurvePoint],
    pixels: Mapping[int, GroupPixels],
    group: str,
    classes: Sequence[str],
) -> tuple[CurvePoint, ...]:
    """The points measured on one group alone. pixels: cycle -> what is known of its images."""
    return tuple(
        replace(
            point,
            validation=group_evaluation(pixels.get(point.cycle, {}).get(group), classes),
            test=None,
        )
        for point in points
    )


def shown_group(group: str, points: Sequence[CurvePoint]) -> ShownGroup:
    """What has to be said of a group beside its curve."""
    evaluations = [point.validation for point in sorted(points, key=lambda p: (p.labels, p.cycle))]
    images = [found.images for found in evaluations if found]
    return ShownGroup(
        name=group,
        images=images[-1] if images else 0,
        interval_words=tuple(interval_words(found) if found else "" for found in evaluations),
    )


def group_evaluation(pixels: Pixels | None, classes: Sequence[str]) -> Evaluation:
    """How good a model is on the images of one group, (N, C, 3). classes: by pixel value; of those
    that the model did not know yet there is nothing."""
    if pixels is None or not len(pixels):
        return Evaluation.absent(Missing(why=Why.NO_IMAGES))
    known = classes[: pixels.shape[1]]
    common, truth, predicted = (pixels[..., part].astype(np.float64) for part in range(3))
    union = truth + predicted - common
    iou = {
        name: float(common[:, row].sum() / union[:, row].sum()) if truth[:, row].any() else None
        for row, name in enumerate(known)
    }
    missing = {
        iou_figure(name): Missing(why=Why.CLASS_ABSENT, classes=(name,))
        for name, value in iou.items()
        if value is None
    }
    present = [value for value in iou.values() if value is not None]
    found = Evaluation(images=len(pixels), miou=None, iou=iou, missing=missing)
    if len(present) < 2:
        absent = tuple(name for name, value in iou.items() if value is None)
        why = Missing(why=Why.ONE_CLASS if present else Why.NO_LABEL, classes=absent)
        return replace(found, missing=missing | {MIOU: why, INTERVAL: why})
    found = replace(found, miou=float(np.mean(present)))
    interval = interval_of_pixels(common, union, truth > 0, known)
    if isinstance(interval, Interval):
        ends = interval.low, interval.high
        return replace(found, miou_interval=ends, interval_coverage=interval.coverage)
    return replace(found, missing=missing | {INTERVAL: interval})
