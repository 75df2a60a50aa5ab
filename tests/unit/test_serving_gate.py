"""Which model serves: worked out by hand from a curve."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.domain import CurvePoint, Evaluation
from daemon.rules.serving_gate import serving_cycle

Ends = tuple[float, float]


def point(
    cycle: int,
    iou: Mapping[str, float | None],
    interval: Ends | None = None,
    images: int = 16,
) -> CurvePoint:
    known = [value for value in iou.values() if value is not None]
    found = Evaluation(
        images=images,
        miou=sum(known) / len(known) if known else None,
        iou=iou,
        miou_interval=interval,
    )
    return CurvePoint(cycle=cycle, labels=10 * cycle, train_labels=8 * cycle, validation=found)


def even(cycle: int, miou: float, interval: Ends | None = None, images: int = 16) -> CurvePoint:
    return point(cycle, {"soil": miou, "weed": miou}, interval, images)


def test_a_better_model_serves_and_so_does_one_that_is_a_little_worse() -> None:
    curve = [even(1, 0.4, (0.3, 0.5)), even(2, 0.6, (0.55, 0.65)), even(3, 0.55, (0.45, 0.65))]

    assert serving_cycle(curve, 2, {1, 2}) == 2
    assert serving_cycle(curve, 3, {1, 2, 3}) == 3


def test_a_collapse_is_refused_also_where_the_intervals_overlap() -> None:
    curve = [even(1, 0.38, (0.02, 0.7)), even(2, 0.024, (0.0, 0.05))]

    assert serving_cycle(curve, 2, {1, 2}) == 1
    assert serving_cycle([even(1, 0.38), even(2, 0.024)], 2, {1, 2}) == 1


def test_half_of_the_best_is_not_yet_a_collapse() -> None:
    assert serving_cycle([even(1, 0.5), even(2, 0.25)], 2, {1, 2}) == 2
    assert serving_cycle([even(1, 0.5), even(2, 0.249)], 2, {1, 2}) == 1


def test_a_model_whose_interval_lies_wholly_below_the_best_one_is_refused() -> None:
    best, worse = even(1, 0.7, (0.66, 0.74)), even(2, 0.6, (0.55, 0.65))

    assert serving_cycle([best, worse], 2, {1, 2}) == 1
    on_more_images = even(2, 0.6, (0.55, 0.65), images=20)  # another measure: not comparable
    assert serving_cycle([best, on_more_images], 2, {1, 2}) == 2


def test_a_slow_decline_is_measured_against_the_best_and_not_the_one_before() -> None:
    curve = [
        even(1, 0.70, (0.66, 0.74)),
        even(2, 0.66, (0.62, 0.70)),
        even(3, 0.61, (0.57, 0.65)),
    ]

    assert serving_cycle(curve, 2, {1, 2}) == 2
    assert serving_cycle(curve, 3, {1, 2, 3}) == 2  # the newest that is as good as the best


def test_a_class_that_the_best_model_was_not_measured_on_counts_for_neither() -> None:
    before = point(1, {"soil": 0.9, "weed": None})
    after = point(2, {"soil": 0.88, "weed": 0.0})  # mIoU 0.44, less than half of 0.9

    assert serving_cycle([before, after], 2, {1, 2}) == 2


def test_a_model_of_other_classes_or_without_a_figure_serves() -> None:
    before = even(1, 0.9)

    assert serving_cycle([before, point(2, {"soil": 0.1, "crop": 0.1})], 2, {1, 2}) == 2
    assert serving_cycle([before, point(2, {"soil": None, "weed": None})], 2, {1, 2}) == 2
    assert serving_cycle([before], 2, {1, 2}) == 2
    assert serving_cycle([], 1, {1}) == 1


def test_a_model_whose_checkpoint_is_gone_cannot_serve() -> None:
    curve = [even(1, 0.8), even(2, 0.78), even(3, 0.1)]

    assert serving_cycle(curve, 3, {1, 2, 3}) == 2
    assert serving_cycle(curve, 3, {1, 3}) == 1
    assert serving_cycle(curve, 3, {3}) == 3
