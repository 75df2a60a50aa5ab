"""A click near the border of a mask moves the border there, and nothing else."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.clicks.border_edit import (
    FIRST_REACH,
    LEAST_NEAR_PX,
    MOST_BY_COLOUR_PX,
    border_edit,
    near_px,
)
from daemon.clicks.click import Click, ClickQuestion, ObjectProbability, Picture
from daemon.clicks.click_answer import component_at, mask_of
from daemon.clicks.click_metrics import object_iou
from daemon.clicks.simulated_clicker import next_click
from tests.fakes.clicked_fields import Bools, disc, picture_of

SIZE = (60, 70)
PICTURE = np.zeros((*SIZE, 3), np.uint8)
MASK = disc(SIZE, 30, 30, 10)
FIRST = Click(x=30, y=30)


def edited(
    mask: Bools, *clicks: Click, left: int = 0, top: int = 0, picture: Picture = PICTURE
) -> Bools | None:
    """The mask after the last click; None where an engine is to answer."""
    values = np.where(mask[top:, left:], np.float32(0.9), np.float32(0.1))
    before = ObjectProbability(left=left, top=top, values=values)
    answer = border_edit(ClickQuestion(image=picture, clicks=clicks, previous=before))
    return None if answer is None else mask_of(answer, SIZE)


def test_a_click_beside_the_border_changes_what_touches_it_at_most() -> None:
    for click in (Click(x=41, y=30), Click(x=40, y=30, positive=False)):
        mask = edited(MASK, FIRST, click)

        assert mask is not None
        assert mask[30, click.x] == click.positive
        changed = np.argwhere(mask != MASK)
        assert np.abs(changed - (click.y, click.x)).max() <= 1


def test_a_deeper_click_takes_the_border_with_it() -> None:
    mask = edited(MASK, FIRST, Click(x=42, y=30))

    assert mask is not None
    assert mask[28:33, 41].all()
    assert mask[30, 42:44].all()  # the click is the second pixel from the border
    assert not mask[30, 44:].any()


def test_what_looks_more_like_the_clicked_side_changes_with_it() -> None:
    truth = disc(SIZE, 30, 30, 11)
    picture = picture_of(truth, noise=5)
    picture[30, 41] = (90, 120, 60)  # half plant, half soil

    mask = edited(MASK, FIRST, Click(x=41, y=30), picture=picture)

    assert mask is not None
    assert not (mask & ~truth).any()
    assert mask[27:34, 40].all()
    rows, columns = np.nonzero(mask & ~MASK)
    assert np.hypot(rows - 30, columns - 41).max() < FIRST_REACH + MOST_BY_COLOUR_PX


def test_an_earlier_click_of_the_other_sign_keeps_what_is_nearer_to_it() -> None:
    away = Click(x=41, y=33, positive=False)

    mask = edited(MASK, FIRST, away, Click(x=42, y=30))

    assert mask is not None
    assert not mask[32:34, 41].any()
    assert mask[28, 41]  # as far from the click as [32, 41], on the other side of it


@pytest.mark.parametrize(
    ("click", "mask"),
    [
        (Click(x=60, y=30), MASK),  # far away: another part of the object
        (Click(x=30, y=32), MASK),  # on its side already
        (Click(x=30, y=30), np.zeros(SIZE, np.bool_)),
        (Click(x=30, y=30, positive=False), np.ones(SIZE, np.bool_)),
    ],
)
def test_any_other_click_is_left_to_the_engine(click: Click, mask: Bools) -> None:
    assert edited(mask, FIRST, click) is None


def test_a_first_click_and_one_outside_of_the_crop_are_left_to_the_engine() -> None:
    assert border_edit(ClickQuestion(image=PICTURE, clicks=(FIRST,))) is None
    assert edited(MASK, FIRST, Click(x=18, y=30), left=19) is None


def test_later_clicks_are_near_the_border_from_farther_away() -> None:
    area = int(25 * np.pi)  # radius 5

    assert near_px(10, 2) == LEAST_NEAR_PX
    assert [near_px(area, clicks) for clicks in (2, 5, 10, 60)] == pytest.approx(
        [2, 2.5, 3, 3], rel=0.02
    )


places = st.tuples(st.integers(0, SIZE[1] - 1), st.integers(0, SIZE[0] - 1), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(places, min_size=1, max_size=12))
def test_all_clicks_stay_on_their_sides_and_the_change_holds_the_last(
    found: list[tuple[int, int, bool]],
) -> None:
    clicks = [Click(x=x, y=y, positive=positive) for x, y, positive in found]
    before = MASK.copy()
    for click in clicks[:-1]:
        before[click.y, click.x] = click.positive  # of two at one place the later one

    after = edited(before, FIRST, *clicks)

    if after is None:
        return
    last, sides = clicks[-1], {(one.y, one.x): one.positive for one in clicks}
    assert all(after[place] == side for place, side in sides.items())
    changed = after != before
    assert np.array_equal(changed, component_at(changed, last.y, last.x))
    assert (after[changed] == last.positive).all()


@pytest.mark.parametrize("radius", [6, 9, 12])
def test_clicks_alone_make_a_small_mask_right_that_lies_beside_its_object(radius: int) -> None:
    truth, mask = disc(SIZE, 30, 30, radius), disc(SIZE, 30, 32.5, radius)
    picture, clicks, ious = picture_of(truth), (FIRST,), [object_iou(mask, truth)]

    while len(ious) < 20 and ious[-1] < 0.9:
        click = next_click(mask, truth, clicks)
        assert click is not None
        clicks = (*clicks, click)
        after = edited(mask, *clicks, picture=picture)
        assert after is not None  # no engine is asked
        mask = after
        ious.append(object_iou(mask, truth))

    assert all(later > before for before, later in itertools.pairwise(ious))
    assert ious[0] < 0.85
    assert ious[-1] > 0.85


def test_the_answer_before_is_left_as_it_was() -> None:
    values = np.where(MASK, np.float32(0.9), np.float32(0.1))
    before = ObjectProbability(left=0, top=0, values=values.copy(), shift=0.7)
    question = ClickQuestion(image=PICTURE, clicks=(FIRST, Click(x=41, y=30)), previous=before)

    answer = border_edit(question)

    assert answer is not None
    assert answer.shift == 0.7  # what later walks remember
    assert np.array_equal(before.values, values)
    as_initial = replace(question, clicks=question.clicks[1:], previous=None, initial=before)
    corrected = border_edit(as_initial)
    assert corrected is not None
    assert np.array_equal(corrected.values, answer.values)
