"""The learning curve, prepared for drawing. Pure: points in, lines and the newest model out.

x counts all labels, validation included; y is in [0, 1]. What was not measured stays None, without
interpolation. `refused` names the cycles whose model was refused, so that an earlier one serves.
`compare` gives the paired difference of two cycles, the older first; None where nobody reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal

from daemon.domain import CurvePoint, Evaluation
from daemon.insight.missing_figures import interval_words, remarks
from daemon.insight.model_difference import ModelDifference, ModelVerdict
from daemon.insight.view_model import Count, Share, ViewModel

Interval = tuple[Share, Share]
Compare = Callable[[int, int], ModelDifference]


class Line(ViewModel):
    """A line of the plot; index i of each list belongs to one trained cycle, ordered by labels."""

    name: str
    """What the legend says: "mIoU", "test mIoU" or the class name."""
    kind: Literal["miou", "test", "class"]
    """"miou" on validation, "test" for the mIoU on test images, "class" for the IoU of a class
    on validation."""
    cycles: tuple[Count, ...]
    """Numbers of the cycles."""
    labels: tuple[Count, ...]
    """Labeled images, validation included: x."""
    values: tuple[Share | None, ...]
    """The figure: y; null where it was not measured."""
    low: tuple[Share | None, ...]
    """Lower end of the 95 % interval; null where there is none."""
    high: tuple[Share | None, ...]
    """Upper end of the 95 % interval; null where there is none."""
    refused: tuple[bool, ...]
    """Whether the model was refused, so that an earlier one serves."""


class ServingModel(ViewModel):
    """The newest measured model that serves, against the one that served before."""

    cycle: Count
    """The cycle that trained it."""
    labels: Count
    """Labeled images when its training began, validation included."""
    miou: Share | None
    """mIoU on the validation images; null where it was not measured: the remarks say why."""
    interval: Interval | None
    """95 % interval of `miou`; null where there is none."""
    images: Count | None
    """Validation images that it was measured on."""
    test_miou: Share | None
    """mIoU on the test images; null where it was not measured."""
    gain: float | None
    """`miou` minus that of the model that served before, in [-1, 1]; null for the first."""
    labels_before: Count | None
    """Labels of the model that served before; null for the first."""
    within_noise: bool | None
    """Whether the paired interval of the gain holds 0, so that the gain proves nothing; null where
    there is none."""
    difference: ModelDifference | None
    """This model against the one that served before, image by image; null for the first."""
    refused_cycle: Count | None
    """The newest cycle, where its model was refused; else null."""
    refused_miou: Share | None
    """mIoU of that refused model on the validation images."""
    interval_words: str
    """What the interval was computed from, or why there is none."""
    remarks: tuple[str, ...]
    """What has to be shown beside `miou`, such as why it is null."""
    test_remarks: tuple[str, ...]
    """What has to be shown beside `test_miou`."""


def lines(
    points: Sequence[CurvePoint], classes: Sequence[str], refused: Collection[int] = ()
) -> list[Line]:
    """mIoU first, then the test mIoU where there is one, then the IoU of each class."""
    ordered = sorted(points, key=lambda point: (point.labels, point.cycle))
    validation = [point.validation for point in ordered]
    test = [point.test for point in ordered]
    drawn = [_line("mIoU", "miou", ordered, validation, refused)]
    if any(evaluation and evaluation.miou is not None for evaluation in test):
        drawn.append(_line("test mIoU", "test", ordered, test, refused))
    drawn += [_line(name, "class", ordered, validation, refused) for name in classes]
    return drawn


def serving_model(
    points: Sequence[CurvePoint],
    refused: Collection[int] = (),
    compare: Compare | None = None,
) -> ServingModel | None:
    """The newest model that serves, against the one before it that served and was measured; None
    before any was measured. Its mIoU may be missing: then the remarks say why."""
    by_cycle = sorted(points, key=lambda point: point.cycle)
    evaluated = [point for point in by_cycle if _miou_or_reason(point)]
    serving = [point for point in evaluated if point.cycle not in refused]
    if not serving:
        return None
    newest = serving[-1]
    rejected = None if evaluated[-1] is newest else evaluated[-1]
    measured = [point for point in serving[:-1] if _miou(point.validation) is not None]
    before = measured[-1] if measured and _miou(newest.validation) is not None else None
    found = compare(before.cycle, newest.cycle) if before and compare else None
    return _serving_model(newest, before, rejected, found)


def _serving_model(
    newest: CurvePoint,
    before: CurvePoint | None,
    rejected: CurvePoint | None,
    difference: ModelDifference | None,
) -> ServingModel:
    validation, test = newest.validation, newest.test
    return ServingModel(
        cycle=newest.cycle,
        labels=newest.labels,
        miou=_miou(validation),
        interval=_interval(validation),
        images=validation.images if validation else None,
        test_miou=_miou(test),
        gain=None if before is None else _gain(before, newest),
        labels_before=before.labels if before else None,
        within_noise=_holds_zero(difference),
        difference=difference,
        refused_cycle=rejected.cycle if rejected else None,
        refused_miou=_miou(rejected.validation) if rejected else None,
        interval_words=interval_words(validation) if validation else "",
        remarks=tuple(remarks(validation)) if validation else (),
        test_remarks=tuple(remarks(test)) if test else (),
    )


def _miou_or_reason(point: CurvePoint) -> bool:
    """Whether the mIoU was measured, or it is known why not."""
    found = point.validation
    return found is not None and (found.miou is not None or bool(remarks(found)))


def _line(
    name: str,
    kind: Literal["miou", "test", "class"],
    points: Sequence[CurvePoint],
    evaluations: Sequence[Evaluation | None],
    refused: Collection[int],
) -> Line:
    is_class = kind == "class"
    intervals = [None if is_class else _interval(evaluation) for evaluation in evaluations]
    values = [
        (evaluation.iou.get(name) if evaluation else None) if is_class else _miou(evaluation)
        for evaluation in evaluations
    ]
    return Line(
        name=name,
        kind=kind,
        cycles=tuple(point.cycle for point in points),
        labels=tuple(point.labels for point in points),
        values=tuple(values),
        low=tuple(None if ends is None else ends[0] for ends in intervals),
        high=tuple(None if ends is None else ends[1] for ends in intervals),
        refused=tuple(point.cycle in refused for point in points),
    )


def _miou(evaluation: Evaluation | None) -> float | None:
    return evaluation.miou if evaluation else None


def _interval(evaluation: Evaluation | None) -> Interval | None:
    return evaluation.miou_interval if evaluation else None


def _gain(before: CurvePoint, after: CurvePoint) -> float | None:
    old, new = _miou(before.validation), _miou(after.validation)
    return None if old is None or new is None else new - old


def _holds_zero(difference: ModelDifference | None) -> bool | None:
    if difference is None or difference.interval is None:
        return None
    return difference.verdict is ModelVerdict.UNCLEAR
