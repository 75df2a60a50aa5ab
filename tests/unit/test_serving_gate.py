"""Which model serves: worked out by hand from a curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from daemon.domain import CurvePoint, Evaluation
from daemon.domain.models import GateVerdict, Ground
from daemon.rules.serving_gate import Judgement, class_falls, judge
from tests.fakes.model_chains import NAMES, chain

Ends = tuple[float, float]


def serving_cycle(curve: Sequence[CurvePoint], cycle: int, available: set[int]) -> int:
    return judge(curve, cycle, available).serving


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


def last_of(chains: int, models: int = 3, images: int = 24, **last: float) -> list[Judgement]:
    """What the gate says of the last model of each chain."""
    rng = np.random.default_rng(3)
    curves = [chain(models, images, rng, **last) for _ in range(chains)]
    return [judge(curve, models, range(1, models), models - 1, classes=NAMES) for curve in curves]


def test_a_model_is_refused_for_noise_no_more_often_than_the_level_says() -> None:
    found = last_of(60)

    refused = sum(one.verdict is GateVerdict.REFUSED for one in found)
    assert refused <= 6  # 5 % of 60 are 3; more than 6 happens in 4 of 100 cases
    assert sum(one.verdict is GateVerdict.ASKED for one in found) <= 4


def test_a_clearly_worse_model_is_refused_and_the_one_that_served_goes_on() -> None:
    found = last_of(12, images=64, worse=0.06)

    assert {(one.verdict, one.ground) for one in found} == {(GateVerdict.REFUSED, Ground.PAIRED)}
    assert {one.serving for one in found} == {2}
    assert all(one.difference.interval[1] < 0 for one in found)


def test_a_class_that_fell_asks_a_person_and_the_model_before_serves_meanwhile() -> None:
    found = last_of(12, images=64, class_worse=0.25, others_better=0.12)

    assert {(one.verdict, one.ground) for one in found} == {(GateVerdict.ASKED, Ground.CLASS_FALL)}
    assert {one.serving for one in found} == {2}
    assert {fall.name for one in found for fall in one.falls} == {"weed"}
    assert all(fall.difference < -0.1 for one in found for fall in one.falls)


def test_the_same_fall_in_the_next_model_serves_where_nobody_answered() -> None:
    curve = chain(3, 64, np.random.default_rng(0), class_worse=0.25, others_better=0.12)

    again = judge(curve, 3, {1, 2}, 2, classes=NAMES, unanswered={"weed"})
    other = judge(curve, 3, {1, 2}, 2, classes=NAMES, unanswered={"crop"})
    unasked = judge(curve, 3, {1, 2}, 2, classes=NAMES, asks=False)

    assert (again.serving, again.verdict) == (3, GateVerdict.SERVES)
    assert [fall.name for fall in again.falls] == ["weed"]
    assert (other.serving, other.verdict) == (2, GateVerdict.ASKED)
    assert unasked.serving == 3


def test_the_class_that_fell_is_named_by_its_pixel_value_and_not_by_the_order_of_figures() -> None:
    before, after = chain(2, 64, np.random.default_rng(0), class_worse=0.25, others_better=0.12)
    shuffled = replace(after.validation, iou=dict(sorted(after.validation.iou.items())[::-1]))

    falls = class_falls(before.validation, shuffled, (*NAMES, "added later"))

    assert [fall.name for fall in falls] == ["weed"]


def test_a_fall_that_few_images_show_asks_nobody() -> None:
    curve = chain(2, 64, np.random.default_rng(0), class_worse=0.25, others_better=0.12)
    before, after = (replace(one.validation, by_image=one.validation.by_image[:7]) for one in curve)

    assert class_falls(before, after, NAMES) == ()


def test_models_of_other_images_are_compared_by_no_interval() -> None:
    best, worse = chain(2, 24, np.random.default_rng(0), worse=0.2)
    moved = tuple(replace(one, image=one.image + 100) for one in worse.validation.by_image)
    worse = replace(worse, validation=replace(worse.validation, by_image=moved))

    assert judge([best, worse], 2, {1}, 1).serving == 2
