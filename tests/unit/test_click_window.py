"""The crop around clicks and the image: pixels in and out (invariants 4 and 5)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.clicks.click import Click, ObjectProbability, PriorMap
from daemon.clicks.click_metrics import tolerant_iou
from daemon.clicks.click_window import LEAST_PX, MOST_CELLS, ClickWindow, window_around
from tests.fakes.clicked_fields import disc

sides = st.integers(1, 700)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), height=sides, width=sides)
def test_the_crop_lies_in_the_image_and_holds_the_positive_clicks(
    data: st.DataObject, height: int, width: int
) -> None:
    places = st.tuples(st.integers(0, width - 1), st.integers(0, height - 1))
    clicks = [Click(x=x, y=y) for x, y in data.draw(st.lists(places, min_size=1, max_size=4))]

    window = window_around(clicks, None, (height, width))

    assert 0 <= window.left <= window.left + window.width <= width
    assert 0 <= window.top <= window.top + window.height <= height
    assert window.width >= min(width, LEAST_PX)
    assert window.height >= min(height, LEAST_PX)
    assert 1 <= window.rows <= min(window.height, MOST_CELLS)
    assert 1 <= window.columns <= min(window.width, MOST_CELLS)
    for click in clicks:
        cell = window.cell(click.x, click.y)
        assert cell is not None
        assert 0 <= cell[0] < window.rows
        assert 0 <= cell[1] < window.columns
        back = (cell[1] + 0.5) * window.width / window.columns + window.left
        assert abs(back - (click.x + 0.5)) <= 0.5 * window.width / window.columns + 1e-6


def test_the_crop_grows_with_the_object() -> None:
    inside = disc((600, 600), 300, 300, 100).astype(np.float32)
    before = ObjectProbability(left=0, top=0, values=inside)

    window = window_around([Click(x=300, y=300)], before, (600, 600))

    assert (window.left, window.top) == (160, 160)  # 201 px, and 40 % more
    assert (window.height, window.width) == (281, 281)
    assert (window.rows, window.columns) == (MOST_CELLS, MOST_CELLS)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    scale=st.floats(0.2, 1),
    value=st.sampled_from([0.0, 1.0]),
)
def test_a_constant_mask_comes_back_exactly(
    height: int, width: int, scale: float, value: float
) -> None:
    window = window_of(height, width, scale)
    crop = window.reduced(np.full((height, width), value, np.float32))

    assert crop.shape == (window.rows, window.columns)
    assert np.array_equal(window.at_image_scale(crop) >= 0.5, np.full((height, width), value == 1))


@settings(max_examples=30, deadline=None)
@given(
    row=st.floats(80, 120),
    column=st.floats(80, 120),
    radius=st.floats(12, 60),
    scale=st.floats(0.4, 1),
)
def test_a_disc_comes_back_within_a_pixel(
    row: float, column: float, radius: float, scale: float
) -> None:
    window, inside = window_of(200, 200, scale), disc((200, 200), row, column, radius)

    back = window.at_image_scale(window.reduced(inside.astype(np.float32))) >= 0.5

    assert tolerant_iou(back, inside) == 1  # tolerance: a pixel


@pytest.mark.parametrize("stride", [1, 4, 8])
def test_a_prior_lies_where_the_image_does(stride: int) -> None:
    plants = disc((200, 200), 100, 60, 30)
    squares = plants.reshape(200 // stride, stride, 200 // stride, stride).mean(axis=(1, 3))
    prior = PriorMap(values=np.rint(squares * 255).astype(np.uint8), stride=stride)
    window = ClickWindow(left=20, top=50, width=100, height=96, rows=96, columns=100)

    found = window.prior(prior)

    assert tolerant_iou(found >= 0.5, plants[window.view], tolerance_px=2) == 1


def window_of(height: int, width: int, scale: float) -> ClickWindow:
    return ClickWindow(
        left=0,
        top=0,
        width=width,
        height=height,
        rows=max(1, round(height * scale)),
        columns=max(1, round(width * scale)),
    )
