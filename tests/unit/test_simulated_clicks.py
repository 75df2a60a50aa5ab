"""The simulated clicker and the figures of clicks (invariants 11 and 12)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.clicks.click import Click, ClickQuestion
from daemon.clicks.click_metrics import (
    best_within,
    clicks_to,
    object_iou,
    solved_within,
    tolerant_iou,
)
from daemon.clicks.mask_objects import objects_of
from daemon.clicks.simulated_clicker import ClickRule, next_click
from daemon.clicks.simulated_session import ClickCourse, ClickedTruth, clicked
from tests.fakes.clicked_fields import Bools, FixedEngine, disc, picture_of

SIZE = (12, 14)


def slow_click(inside: Bools, truth: Bools, valid: Bools, made: list[Click]) -> Click | None:
    """RITM's rule pixel by pixel: the distance to the nearest pixel outside of the error."""
    best: tuple[float, bool, int, int] | None = None
    for positive, error in (
        (False, inside & ~truth & valid),
        (True, truth & ~inside & valid),
    ):
        padded = np.pad(error, 1)
        others = np.argwhere(~padded) - 1
        for y, x in np.argwhere(error).tolist():
            if any((click.y, click.x) == (y, x) for click in made):
                continue
            depth = float(np.sqrt(((others - (y, x)) ** 2).sum(axis=1)).min())
            if best is None or depth > best[0] + 1e-6:
                best = (depth, positive, y, x)
    return None if best is None else Click(x=best[3], y=best[2], positive=best[1])


def random_mask(seed: int) -> Bools:
    rng = np.random.default_rng(seed)
    found = disc(SIZE, rng.integers(12), rng.integers(14), rng.integers(1, 6))
    return found ^ (rng.random(SIZE) < 0.05)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 3))
def test_the_clicker_equals_the_slow_one_and_leaves_ignored_pixels_alone(
    seed: int, count: int
) -> None:
    inside, truth = random_mask(seed), random_mask(seed + 20_000)
    valid = ~disc(SIZE, 6, 7, 2)
    made: list[Click] = []
    for _ in range(count + 1):
        click = next_click(inside, truth, made, valid=valid)

        assert click == slow_click(inside, truth, valid, made)
        if click is None:
            break
        assert valid[click.y, click.x]
        made.append(click)


def test_a_perfect_mask_gets_no_click() -> None:
    truth = disc(SIZE, 5, 5, 3)

    assert next_click(truth, truth, []) is None
    ignored = disc(SIZE, 5, 5, 4)
    assert next_click(np.zeros(SIZE, np.bool_), truth, [], valid=~ignored) is None


@pytest.mark.parametrize("rule", [ClickRule.RANDOM, ClickRule.JITTER])
def test_less_tidy_clicks_stay_in_the_same_error(rule: ClickRule) -> None:
    large, small = disc((60, 60), 20, 20, 12), disc((60, 60), 50, 50, 5)
    rng = np.random.default_rng(0)
    nothing = np.zeros((60, 60), np.bool_)

    clicks = [next_click(nothing, large | small, [], rule=rule, rng=rng) for _ in range(50)]

    assert all(click is not None and large[click.y, click.x] for click in clicks)
    assert len(set(clicks)) > 10
    with pytest.raises(ValueError, match="no random generator"):
        next_click(nothing, large, [], rule=rule)


def course_of(engine_mask: Bools, truth: Bools, initial: Bools | None = None) -> ClickCourse:
    engine = FixedEngine(engine_mask)
    question = ClickQuestion(image=picture_of(truth), clicks=())
    if initial is not None:
        start = FixedEngine(initial).segment(question)
        question = ClickQuestion(image=question.image, clicks=(), initial=start)
    return clicked(
        engine,
        question,
        ClickedTruth(inside=truth, valid=np.ones(truth.shape, np.bool_)),
        most=20,
        enough=0.9,
        rule=ClickRule.CENTRE,
        rng=np.random.default_rng(0),
        clock=iter(range(1000)).__next__,
    )


def test_the_truth_costs_one_click_and_an_empty_engine_all_of_them() -> None:
    truth = disc((40, 40), 20, 20, 9)

    right, empty = course_of(truth, truth), course_of(np.zeros((40, 40), np.bool_), truth)

    assert right.ious == [0, 1]
    assert right.seconds == [1]
    assert clicks_to(right.ious, 0.85, 20) == 1
    assert len(empty.ious) == 21
    assert clicks_to(empty.ious, 0.85, 20) == 20
    assert not solved_within(empty.ious, 0.85, 20)


def test_an_initial_mask_that_is_good_costs_no_click() -> None:
    truth = disc((40, 40), 20, 20, 9)

    course = course_of(truth, truth, initial=truth)

    assert course.ious == [1]
    assert clicks_to(course.ious, 0.85, 20) == 0


def test_figures_of_a_course() -> None:
    ious = [0.0, 0.5, 0.86, 0.8]

    assert clicks_to(ious, 0.85, 20) == 2
    assert clicks_to(ious, 0.85, 1) == 1  # it is not reached within one
    assert not solved_within(ious, 0.85, 1)
    assert best_within(ious, 3) == 0.86


@pytest.mark.parametrize(("area", "expected"), [(300, 0.82), (500, 0.86), (1000, 0.90)])
def test_iou_of_a_disc_grown_by_a_pixel(area: int, expected: float) -> None:
    radius = np.sqrt(area / np.pi)
    truth, grown = disc((60, 60), 30, 30, radius), disc((60, 60), 30, 30, radius + 1)

    assert object_iou(grown, truth) == pytest.approx(expected, abs=0.025)
    assert tolerant_iou(grown, truth) == 1
    assert tolerant_iou(truth, grown) == 1
    assert tolerant_iou(truth, ~truth) < 0.2


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_without_tolerance_it_is_the_iou(seed: int) -> None:
    inside, truth = random_mask(seed), random_mask(seed + 20_000)

    found = tolerant_iou(inside, truth, tolerance_px=0)

    assert found == pytest.approx(object_iou(inside, truth))


def test_objects_are_the_parts_of_a_class() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[disc((60, 60), 15, 15, 10)] = 1
    mask[disc((60, 60), 45, 45, 7)] = 1
    mask[50, 5] = 1
    mask[disc((60, 60), 15, 45, 8)] = 2
    mask[30] = 255

    found = list(objects_of(mask, 3, min_area_px=20))

    assert [one.label for one in found] == [1, 1, 2]
    assert [one.area for one in found] == [int(one.inside(mask).sum()) for one in found]
    assert np.array_equal(found[0].inside(mask), disc((60, 60), 15, 15, 10))
    assert [one.size_bin for one in found] == [0, 0, 0]
