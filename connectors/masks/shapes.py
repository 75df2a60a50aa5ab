"""Shapes as pixels: polygons, rectangles and ellipses in percent of an image.

**Sub-pixel rule.** A pixel belongs to a shape when its centre lies inside: (column + 0.5,
row + 0.5) for a shape in pixels. A centre on the border belongs to the shape on its right, or
below: two shapes with a common edge share it without a gap and without an overlap.

A polygon that crosses itself is filled as a canvas fills it: nonzero winding, so a point is
outside when the border runs around it as often in one direction as in the other. A rectangle
turns around its top left corner, an ellipse around its centre, both clockwise in pixels: on the
screen a turned rectangle has right angles whatever the proportions of the image.

This is written by hand on purpose: Pillow and OpenCV fill by the even-odd rule, and round corners
to pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.unreadable import UnreadableValue, short, typed

MAX_POINTS = 30_000  # winding numbers fit 16 bits
MAX_PERCENT = 10_000.0  # a shape may leave the image, but not by a hundred times its size
CLIP_TOLERANCE_PX = 0.5  # a shape that leaves the image by less is not clipped
THIN_PX = 1e-6  # an ellipse that is thinner holds no centre of a pixel
CROSSINGS = 2**18  # of edges and rows, made at a time

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Pixels of an image from (top, left) on. inside: (H, W) bool, no larger than the image.

    is_clipped: whether the shape leaves the image.
    """

    top: int
    left: int
    inside: npt.NDArray[np.bool_]
    is_clipped: bool


_NOTHING = Patch(top=0, left=0, inside=np.zeros((0, 0), np.bool_), is_clipped=False)


def polygon(value: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    """`points`: [[x, y], ...] in percent; fewer than three hold no pixel. Raises UnreadableValue.

    size: (height_px, width_px) of the image.
    """
    points = value.get("points")
    if not isinstance(points, list) or len(points) > MAX_POINTS:
        raise UnreadableValue(f"points: {typed(points)}", f"a list of <= {MAX_POINTS} points")
    if value.get("closed", True) is not True:
        raise UnreadableValue("a polygon that is not closed", "a closed one", "close or delete it")
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise UnreadableValue(f"the point {short(point)}", "[x, y]")
    corners = np.array([[_percent("points", each) for each in point] for point in points])
    if len(points) < 3:
        return _NOTHING
    return _filled_polygon(corners / 100 * _width_and_height(size), size)


def rectangle(value: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    """`x`, `y` (top left corner), `width`, `height` in percent, `rotation` in degrees.

    size: (height_px, width_px) of the image. Raises UnreadableValue.
    """
    x, y = _pair(value, "x", "y") * _width_and_height(size)
    across, down = _pair(value, "width", "height") * _width_and_height(size)
    along, away = _directions(value)
    start = np.array([x, y])
    right, below = across * along, down * away
    return _filled_polygon(
        np.stack([start, start + right, start + right + below, start + below]), size
    )


def ellipse(value: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    """`x`, `y` (centre), `radiusX`, `radiusY` in percent, `rotation` in degrees.

    A radius of 0 holds no pixel. size: (height_px, width_px) of the image. Raises UnreadableValue.
    """
    centre_x, centre_y = _pair(value, "x", "y") * _width_and_height(size)
    radii = _pair(value, "radiusX", "radiusY") * _width_and_height(size)
    along, away = _directions(value)
    if (radii < 0).any():
        raise UnreadableValue(
            f"the radii {radii.tolist()} px", "radii of 0 or more", "draw it again"
        )
    if (radii < THIN_PX).any():
        return _NOTHING
    # The points (dx, dy) with a dx^2 + 2 b dx dy + c dy^2 <= 1.
    (a, b), (_, c) = sum(
        np.outer(axis, axis) / radius**2 for axis, radius in zip((along, away), radii, strict=True)
    )
    half_height = math.sqrt(((along[1] * radii[0]) ** 2) + (away[1] * radii[1]) ** 2)
    half_width = math.sqrt(((along[0] * radii[0]) ** 2) + (away[0] * radii[1]) ** 2)
    box = _Box.around(
        (centre_x - half_width, centre_x + half_width),
        (centre_y - half_height, centre_y + half_height),
        size,
    )
    dy = box.row_centres - centre_y
    root = np.maximum(b * b * dy * dy - a * (c * dy * dy - 1), 0)
    middle, reach = centre_x - b / a * dy, np.sqrt(root) / a
    box.cross(np.arange(dy.size), middle - reach, 1)
    box.cross(np.arange(dy.size), middle + reach, -1)
    return box.patch()


def _filled_polygon(corners: Floats, size: tuple[int, int]) -> Patch:
    """A polygon with these corners, (N, 2) as x, y in pixels."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    box = _Box.around((low[0], high[0]), (low[1], high[1]), size)
    starts, ends = corners, np.roll(corners, -1, axis=0)
    chunk = max(1, CROSSINGS // max(1, box.height_px))
    for first in range(0, len(corners), chunk):
        _cross_edges(box, starts[first : first + chunk], ends[first : first + chunk])
    return box.patch()


def _cross_edges(box: _Box, starts: Floats, ends: Floats) -> None:
    """Where each edge passes each row's centre, +1 downwards and -1 upwards."""
    falls = starts[:, 1] <= ends[:, 1]
    upper = np.where(falls[:, None], starts, ends)
    lower = np.where(falls[:, None], ends, starts)
    first = box.rows_before(upper[:, 1])
    counts = box.rows_before(lower[:, 1]) - first
    edge = np.repeat(np.arange(len(starts)), counts)
    rows = first[edge] + np.arange(edge.size) - np.repeat(np.cumsum(counts) - counts, counts)
    down = box.row_centres[rows] - upper[edge, 1]
    slope = (lower[edge, 0] - upper[edge, 0]) / (lower[edge, 1] - upper[edge, 1])
    box.cross(rows, upper[edge, 0] + down * slope, np.where(falls, 1, -1)[edge])


class _Box:
    """The part of an image that a shape may touch, and where its border crosses the rows."""

    def __init__(
        self, top: int, left: int, height_px: int, width_px: int, is_clipped: bool
    ) -> None:
        self.height_px = height_px
        self.row_centres = top + np.arange(height_px) + 0.5
        self._top, self._left, self._width_px, self._is_clipped = top, left, width_px, is_clipped
        self._steps = np.zeros((height_px, width_px + 1), np.int16)

    @classmethod
    def around(cls, x: tuple[float, float], y: tuple[float, float], size: tuple[int, int]) -> _Box:
        """The pixels whose centres may lie in these ranges."""
        height_px, width_px = size
        left, right = (int(np.clip(_centres_before(edge), 0, width_px)) for edge in x)
        top, bottom = (int(np.clip(_centres_before(edge), 0, height_px)) for edge in y)
        is_clipped = (
            min(*x, *y) < -CLIP_TOLERANCE_PX
            or x[1] > width_px + CLIP_TOLERANCE_PX
            or y[1] > height_px + CLIP_TOLERANCE_PX
        )
        return cls(top, left, bottom - top, right - left, is_clipped)

    def rows_before(self, y: Floats) -> npt.NDArray[np.int64]:
        """How many rows of this box have their centre above y."""
        before = np.clip(_centres_before(y) - self._top, 0, self.height_px)
        return np.asarray(before, np.int64)

    def cross(self, rows: npt.NDArray[np.int64], x: Floats, direction: Any) -> None:
        """The border passes these rows at x; right of it the winding number changes."""
        before = np.clip(_centres_before(x) - self._left, 0, self._width_px)
        columns = np.asarray(before, np.int64)
        np.add.at(self._steps.reshape(-1), rows * (self._width_px + 1) + columns, direction)

    def patch(self) -> Patch:
        winding = np.cumsum(self._steps[:, :-1], axis=1, dtype=np.int16)
        return Patch(
            top=self._top, left=self._left, inside=winding != 0, is_clipped=self._is_clipped
        )


def _centres_before(edge: Any) -> Any:
    """How many pixel centres 0.5, 1.5, ... lie before an edge, or each of several."""
    return np.ceil(edge - 0.5)


def _width_and_height(size: tuple[int, int]) -> Floats:
    height_px, width_px = size
    return np.array([width_px, height_px], np.float64)


def _pair(value: Mapping[str, Any], across: str, down: str) -> Floats:
    """Two percentages as shares of the sides."""
    return np.array([_percent(name, value.get(name)) for name in (across, down)]) / 100


def _percent(name: str, number: object) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise UnreadableValue(f"{name}: {typed(number)}", "a number")
    if not abs(number) <= MAX_PERCENT:  # NaN too
        raise UnreadableValue(f"{name}: {short(number)}", f"at most {MAX_PERCENT:.0f} %")
    return float(number)


def _directions(value: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Unit vectors of the turned x and y axes."""
    degrees = value.get("rotation", 0)
    turn = math.radians(_percent("rotation", 0 if degrees is None else degrees))
    cos, sin = math.cos(turn), math.sin(turn)
    return np.array([cos, sin]), np.array([-sin, cos])
