from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.masks.shapes import Patch, ellipse, polygon, rectangle
from connectors.unreadable import UnreadableValue

SIZE = (8, 10)  # one row is 12.5 %, one column 10 %
Bools = npt.NDArray[np.bool_]
percent = st.floats(-60, 160, allow_nan=False)
points = st.lists(st.tuples(percent, percent).map(list), min_size=3, max_size=9)


def placed(patch: Patch, size: tuple[int, int] = SIZE) -> Bools:
    whole = np.zeros(size, np.bool_)
    height, width = patch.inside.shape
    whole[patch.top : patch.top + height, patch.left : patch.left + width] = patch.inside
    return whole


def winding(corners: list[Any], x: float, y: float) -> int:
    """How often the border runs around a point."""
    turns = 0
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y0 < y <= y1 or y1 < y <= y0) and x0 + (y - y0) / (y1 - y0) * (x1 - x0) <= x:
            turns += 1 if y1 > y0 else -1
    return turns


def slow_polygon(corners: list[Any], size: tuple[int, int] = SIZE) -> Bools:
    height, width = size
    scaled = [(x / 100 * width, y / 100 * height) for x, y in corners]
    return np.array(
        [[winding(scaled, c + 0.5, r + 0.5) != 0 for c in range(width)] for r in range(height)]
    )


@settings(max_examples=60, deadline=None)
@given(points)
def test_a_polygon_agrees_with_the_slow_version(corners: list[Any]) -> None:
    assert np.array_equal(placed(polygon({"points": corners}, SIZE)), slow_polygon(corners))


def test_a_polygon_holds_the_pixels_whose_centre_is_inside() -> None:
    drawn = polygon({"points": [[14, 0], [36, 0], [36, 100], [14, 100]]}, SIZE)  # x: 1.4 to 3.6

    assert placed(drawn).all(axis=0).nonzero()[0].tolist() == [1, 2, 3]
    assert not drawn.is_clipped


def test_a_polygon_that_goes_around_twice_is_filled_as_on_the_screen() -> None:
    twice = [[10, 0], [90, 0], [90, 100], [10, 100]] * 2

    assert placed(polygon({"points": twice}, SIZE)).sum() == 8 * 8


@settings(max_examples=60, deadline=None)
@given(st.floats(5, 95), st.floats(5, 95), st.floats(0, 100), st.floats(0, 100))
def test_two_polygons_with_a_common_edge_share_the_image_without_gap_or_overlap(
    top: float, bottom: float, left: float, right: float
) -> None:
    above = polygon({"points": [[0, 0], [100, 0], [100, right], [0, left]]}, SIZE)
    below = polygon({"points": [[0, left], [100, right], [100, 100], [0, 100]]}, SIZE)

    assert np.array_equal(placed(above), ~placed(below))


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_rectangle_turns_clockwise_around_its_top_left_corner(turn: int) -> None:
    value = {"x": 50, "y": 50, "width": 30, "height": 12.5, "rotation": turn}  # 3 x 1 pixels

    rows, columns = placed(rectangle(value, SIZE)).nonzero()

    corner = {0: (4, 5), 90: (4, 4), 180: (3, 2), 270: (1, 5)}[turn]
    extent = (1, 3) if turn % 180 == 0 else (3, 1)
    assert (rows.min(), columns.min()) == corner
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == extent
    assert rows.size == 3


def test_a_rectangle_turned_by_an_eighth_keeps_its_right_angles_in_pixels() -> None:
    value = {"x": 50, "y": 0, "width": 20, "height": 40, "rotation": 45}  # 40 x 20 pixels of 200x50
    size = (50, 200)

    drawn = placed(rectangle(value, size), size)

    assert abs(drawn.sum() - 40 * 20) < 20
    assert drawn[28].nonzero()[0].max() == 127  # its right corner lies at 100 + 40 / sqrt(2)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(percent, percent),
    st.tuples(st.floats(1, 90), st.floats(1, 90)),
    st.floats(-360, 360),
)
def test_an_ellipse_agrees_with_its_formula(
    centre: tuple[float, float], radii: tuple[float, float], turn: float
) -> None:
    value = {"x": centre[0], "y": centre[1], "radiusX": radii[0], "radiusY": radii[1]}
    rows, columns = np.indices(SIZE) + 0.5
    dx, dy = columns - centre[0] / 10, rows - centre[1] / 12.5
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    distance = ((dx * cos + dy * sin) / (radii[0] / 10)) ** 2
    distance += ((dy * cos - dx * sin) / (radii[1] / 12.5)) ** 2

    drawn = placed(ellipse(value | {"rotation": turn}, SIZE))

    sure = np.abs(distance - 1) > 1e-6
    assert np.array_equal(drawn[sure], (distance < 1)[sure])


@pytest.mark.parametrize("x", [-50, 95])
def test_a_shape_that_leaves_the_image_is_cut_off_and_says_so(x: float) -> None:
    value = {"x": x, "y": 0, "width": 60, "height": 50}
    patch = rectangle(value, SIZE)

    assert patch.is_clipped
    assert placed(patch).sum() == 4  # one column


def test_a_shape_far_outside_holds_nothing() -> None:
    patch = ellipse({"x": 500, "y": 500, "radiusX": 3, "radiusY": 3}, SIZE)

    assert patch.is_clipped
    assert not placed(patch).any()


def test_a_large_image_costs_only_the_part_that_a_shape_touches() -> None:
    patch = polygon({"points": [[10, 10], [11, 10], [11, 11]]}, (10_000, 10_000))

    assert patch.inside.shape == (100, 100)


BOX = {"x": 1, "y": 1, "width": 5, "height": 5}
ROUND = {"x": 1, "y": 1, "radiusX": 5, "radiusY": 5}
BROKEN = {
    "no points": (polygon, {}, "points: NoneType"),
    "too many points": (polygon, {"points": [[1, 1]] * 30_001}, "<= 30000"),
    "a point of three": (polygon, {"points": [[1, 1], [2, 2], [1, 2, 3]]}, "the point"),
    "a word": (polygon, {"points": [[1, 1], [2, 2], [1, "2"]]}, "a number"),
    "truth": (polygon, {"points": [[1, 1], [2, 2], [1, True]]}, "a number"),
    "NaN": (polygon, {"points": [[1, 1], [2, 2], [1, math.nan]]}, "nan"),
    "infinite": (rectangle, BOX | {"x": -math.inf}, "x: -inf"),
    "far away": (rectangle, BOX | {"width": 10**400}, "at most 10000 %"),
    "no width": (rectangle, {"x": 1, "y": 1, "height": 2}, "width: NoneType"),
    "turned by NaN": (rectangle, BOX | {"rotation": math.nan}, "rotation: nan"),
    "a radius below 0": (ellipse, ROUND | {"radiusY": -1}, "radii of 0 or more"),
    "open": (polygon, {"points": [[1, 1], [2, 2], [1, 2]], "closed": False}, "not closed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_shape_is_refused_and_says_why(name: str) -> None:
    draw, value, words = BROKEN[name]

    with pytest.raises(UnreadableValue, match=words):
        draw(value, SIZE)
