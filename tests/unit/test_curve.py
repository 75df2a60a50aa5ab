"""The learning curve as lines, and its newest model against the one before."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from daemon.domain import CurvePoint, Evaluation
from daemon.insight import curve
from daemon.insight.model_difference import ModelVerdict
from tests.fakes.statuses import UNCLEAR


def evaluated(
    cycle: int,
    labels: int,
    miou: float | None,
    iou: Mapping[str, float | None] | None = None,
    miou_interval: tuple[float, float] | None = None,
    test_miou: float | None = None,
) -> CurvePoint:
    """A point of the curve; without an mIoU nothing was measured."""
    validation = Evaluation(images=16, miou=miou, iou=iou or {}, miou_interval=miou_interval)
    return CurvePoint(
        cycle=cycle,
        labels=labels,
        train_labels=labels - 16,
        validation=None if miou is None else validation,
        test=None if test_miou is None else Evaluation(images=40, miou=test_miou, iou={}),
    )


def test_points_are_ordered_by_labels_and_gaps_stay_gaps() -> None:
    points = [
        evaluated(2, 48, 0.6, iou={"soil": 0.9, "weed": 0.3}),
        evaluated(1, 32, 0.5, iou={"soil": 0.8, "weed": None}),
    ]

    miou, soil, weed = curve.lines(points, ["soil", "weed"])

    assert (miou.kind, miou.cycles, miou.labels, miou.values) == (
        "miou",
        (1, 2),
        (32, 48),
        (0.5, 0.6),
    )
    assert (soil.kind, soil.values) == ("class", (0.8, 0.9))
    assert weed.values == (None, 0.3)


def test_intervals_belong_to_their_points() -> None:
    points = [evaluated(1, 32, 0.5), evaluated(2, 48, 0.6, miou_interval=(0.55, 0.66))]

    miou = curve.lines(points, [])[0]

    assert (miou.low, miou.high) == ((None, 0.55), (None, 0.66))


def test_the_test_line_appears_once_something_was_measured_on_test() -> None:
    untested, tested = evaluated(1, 32, 0.5), evaluated(2, 48, 0.6, test_miou=0.58)

    assert [line.kind for line in curve.lines([untested], [])] == ["miou"]
    assert [line.kind for line in curve.lines([untested, tested], [])] == ["miou", "test"]
    assert curve.lines([untested, tested], [])[1].values == (None, 0.58)


def test_without_evaluations_the_lines_are_empty() -> None:
    assert [line.values for line in curve.lines([], ["soil"])] == [(), ()]
    assert curve.serving_model([]) is None
    assert curve.serving_model([evaluated(1, 32, None)]) is None


def test_the_first_model_has_no_gain() -> None:
    first = curve.serving_model([evaluated(1, 32, 0.5)])

    assert first is not None
    assert (first.miou, first.gain, first.labels_before, first.within_noise) == (
        0.5,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(("verdict", "within_noise"), [("unclear", True), ("better", False)])
def test_a_gain_is_within_noise_where_image_by_image_none_is_clear(
    verdict: str, within_noise: bool
) -> None:
    before = evaluated(1, 32, 0.5, miou_interval=(0.45, 0.55))
    unmeasured = evaluated(2, 40, None)
    after = evaluated(3, 48, 0.6, miou_interval=(0.54, 0.65))
    found = UNCLEAR.model_copy(update={"verdict": ModelVerdict(verdict)})
    compared = []

    newest = curve.serving_model(
        [before, unmeasured, after],
        compare=lambda old, new: compared.append((old, new)) or found,
    )

    assert compared == [(1, 3)]

    assert newest is not None
    assert newest.gain == pytest.approx(0.1)
    assert newest.labels_before == 32
    assert newest.within_noise is within_noise


def test_a_refused_model_is_marked_and_the_one_that_serves_is_the_newest() -> None:
    points = [evaluated(1, 32, 0.5), evaluated(2, 48, 0.6), evaluated(3, 64, 0.02)]

    newest = curve.serving_model(points, refused={3})

    assert newest is not None
    assert (newest.cycle, newest.miou, newest.labels_before) == (2, 0.6, 32)
    assert (newest.refused_cycle, newest.refused_miou) == (3, 0.02)
    assert curve.lines(points, [], refused={3})[0].refused == (False, False, True)


def test_the_newest_model_is_that_of_the_last_cycle_also_where_labels_were_deleted() -> None:
    newest = curve.serving_model([evaluated(1, 32, 0.5), evaluated(2, 30, 0.55)])

    assert newest is not None
    assert (newest.cycle, newest.gain) == (2, pytest.approx(0.05))
