"""The two walks: what every engine owes to clicks (invariants 1, 2, 3, 8, 9)."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from daemon.clicks.click import Click, ClickEngine, ClickQuestion, ObjectProbability, PriorMap
from daemon.clicks.click_answer import component_at, mask_of
from daemon.clicks.click_metrics import object_iou
from daemon.clicks.walk_engines import PriorWalk, colour_walk, shift_after
from tests.fakes.clicked_fields import click_through, disc, picture_of, prior_map

SIZE = (90, 110)
PLANT, OTHER = disc(SIZE, 45, 40, 17), disc(SIZE, 30, 85, 12)
IMAGE = picture_of(PLANT | OTHER)
PRIOR = prior_map(PLANT | OTHER)

places = st.tuples(st.integers(0, SIZE[1] - 1), st.integers(0, SIZE[0] - 1), st.booleans())
clicks_of_people = st.lists(places, min_size=1, max_size=6).map(
    lambda found: tuple(
        Click(x=x, y=y, positive=positive or not row) for row, (x, y, positive) in enumerate(found)
    )
)
engines = st.sampled_from([colour_walk(), PriorWalk()])


@pytest.mark.parametrize("engine", [colour_walk(), PriorWalk()], ids=lambda engine: engine.name)
def test_two_clicks_find_a_plant(engine: ClickEngine) -> None:
    masks = click_through(engine, IMAGE, (Click(x=40, y=45), Click(x=48, y=48)), PRIOR)

    assert object_iou(masks[-1], PLANT) > 0.85
    assert not (masks[-1] & OTHER).any()


@settings(max_examples=25, deadline=None)
@given(engine=engines, clicks=clicks_of_people)
def test_each_click_lies_on_its_side(engine: ClickEngine, clicks: tuple[Click, ...]) -> None:
    assume(far_apart(clicks))

    for count, mask in enumerate(click_through(engine, IMAGE, clicks, PRIOR), start=1):
        for click in clicks[:count]:
            assert mask[click.y, click.x] == click.positive


def test_of_two_clicks_at_one_place_the_later_one_wins() -> None:
    here = Click(x=40, y=45)
    away = replace(here, positive=False)

    masks = click_through(PriorWalk(), IMAGE, (here, away, here), PRIOR)

    assert [bool(mask[45, 40]) for mask in masks] == [True, False, True]


@settings(max_examples=20, deadline=None)
@given(engine=engines, clicks=clicks_of_people)
def test_a_later_click_changes_only_the_part_that_holds_it(
    engine: ClickEngine, clicks: tuple[Click, ...]
) -> None:
    masks = click_through(engine, IMAGE, clicks, PRIOR)

    for count in range(2, len(clicks)):
        changed, last = masks[count] != masks[count - 1], clicks[count]
        assert np.array_equal(changed, component_at(changed, last.y, last.x))


@settings(max_examples=10, deadline=None)
@given(engine=engines, clicks=clicks_of_people)
def test_equal_questions_have_equal_answers(engine: ClickEngine, clicks: tuple[Click, ...]) -> None:
    question = ClickQuestion(image=IMAGE, clicks=clicks, prior=PRIOR)

    one, other = engine.segment(question), engine.segment(question)

    assert one.values.tobytes() == other.values.tobytes()
    assert replace(one, values=other.values) == other


@settings(max_examples=10, deadline=None)
@given(clicks=clicks_of_people, order=st.randoms(use_true_random=False))
def test_order_matters_through_the_answer_before_only(
    clicks: tuple[Click, ...], order: Random
) -> None:
    assume(far_apart(clicks))
    previous = ObjectProbability(left=0, top=0, values=PLANT.astype(np.float32))
    mixed = list(clicks[:-1])
    order.shuffle(mixed)
    one, other = (
        PriorWalk().segment(
            ClickQuestion(image=IMAGE, clicks=found, prior=PRIOR, previous=previous)
        )
        for found in (clicks, (*mixed, clicks[-1]))
    )

    assert np.array_equal(mask_of(one, SIZE), mask_of(other, SIZE))


@settings(max_examples=10, deadline=None)
@given(clicks=clicks_of_people)
def test_a_prior_without_weight_is_the_walk_on_colour(clicks: tuple[Click, ...]) -> None:
    undecided = PriorMap(values=np.full((23, 28), 128, np.uint8), stride=4)

    one = click_through(PriorWalk(gamma=0.0), IMAGE, clicks, undecided)
    other = click_through(colour_walk(), IMAGE, clicks)

    assert all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


@pytest.mark.parametrize("engine", [colour_walk(), PriorWalk()], ids=lambda engine: engine.name)
@pytest.mark.parametrize("positive", [True, False])
def test_a_click_corrects_an_initial_mask_where_it_is(engine: ClickEngine, positive: bool) -> None:
    truth = PLANT if positive else PLANT & ~disc(SIZE, 45, 57, 8)
    wrong = PLANT & ~disc(SIZE, 45, 57, 8) if positive else PLANT
    initial = ObjectProbability(left=0, top=0, values=(wrong | OTHER).astype(np.float32))
    click = Click(x=52, y=45, positive=positive)
    image = picture_of(truth | OTHER)

    answer = engine.segment(
        ClickQuestion(image=image, clicks=(click,), prior=PRIOR, initial=initial)
    )

    mask = mask_of(answer, SIZE)
    assert mask[45, 52] == positive
    assert np.array_equal(mask & OTHER, OTHER)  # far from the click
    assert object_iou(mask & ~OTHER, truth) > object_iou(wrong, truth)


@pytest.mark.parametrize("engine", [colour_walk(), PriorWalk()], ids=lambda engine: engine.name)
def test_a_click_beside_the_border_changes_nothing_far_from_it(engine: ClickEngine) -> None:
    small = disc(SIZE, 45, 40, 15)
    previous = ObjectProbability(left=0, top=0, values=small.astype(np.float32))
    clicks = (Click(x=40, y=45), Click(x=56, y=45))

    answer = engine.segment(
        ClickQuestion(image=IMAGE, clicks=clicks, prior=PRIOR, previous=previous)
    )

    rows, columns = np.nonzero(mask_of(answer, SIZE) != small)
    assert (rows[0], columns[0]) != (rows[-1], columns[-1])
    assert np.hypot(rows - 45, columns - 56).max() < 6


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 2)])
def test_any_image_has_an_answer(size: tuple[int, int]) -> None:
    image = picture_of(np.zeros(size, np.bool_))

    for engine in (colour_walk(), PriorWalk()):
        (mask,) = click_through(engine, image, (Click(x=size[1] - 1, y=size[0] - 1),))
        assert mask[-1, -1]


def far_apart(clicks: tuple[Click, ...]) -> bool:
    """Whether no two clicks are within two pixels of each other, which the later one settles."""
    return all(
        max(abs(one.x - other.x), abs(one.y - other.y)) > 2
        for row, one in enumerate(clicks)
        for other in clicks[:row]
    )


def test_a_click_where_the_engine_is_unsure_moves_the_border_all_around() -> None:
    # radius 17, but the walk's map of it falls off slowly and reaches 0.5 at 12 already
    distance = np.hypot(*(np.mgrid[: SIZE[0], : SIZE[1]] - np.array([45, 40])[:, None, None]))
    soft = 1 / (1 + np.exp((distance - 12) / 4))
    before = ObjectProbability(left=0, top=0, values=soft.astype(np.float32))

    wider = shift_after(before, Click(x=54, y=45))  # 14 from the centre
    far = shift_after(before, Click(x=85, y=30))
    back = shift_after(replace(before, shift=wider), Click(x=50, y=45, positive=False))

    assert wider == pytest.approx(0.5 * (14 - 12) / 4)
    assert far == 0
    assert back < wider
    assert shift_after(replace(before, shift=2.0), Click(x=54, y=45)) == 2  # the most
