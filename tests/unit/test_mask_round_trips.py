"""Random masks through each tag, there and back, and nothing of them is lost.

Only BitmaskLabels and BrushLabels are written by us. For the shapes a mask is drawn as people
could: a rectangle or polygon for each stretch of a row, an ellipse for each pixel.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from connectors.masks.regions import BITMASK, BRUSH, SHAPES, decode, encode
from daemon.domain import IGNORE, Mask
from tests.fakes.regions import CLASSES, ELLIPSE, POLYGON, RECTANGLE, region, tag

MANY = [1_000, pytest.param(10_000, marks=pytest.mark.long)]
LARGEST_PX = {BITMASK: 14, BRUSH: 14, POLYGON: 6, RECTANGLE: 6, ELLIPSE: 6}
NAMES = {1: "crop", 2: "weed", IGNORE: "unsure"}

Region = dict[str, Any]


def drawn_masks(rng: np.random.Generator, largest_px: int, count: int) -> Iterator[Mask]:
    """All sizes up to this one, from nearly empty to nearly full, single pixels and blocks."""
    for _ in range(count):
        height, width = rng.integers(1, largest_px + 1, 2)
        block = int(rng.integers(1, 4))
        coarse = (-(-height // block), -(-width // block))
        values = rng.choice([1, 2, IGNORE], coarse).astype(np.uint8)
        values[rng.random(coarse) < rng.random()] = 0
        yield values.repeat(block, axis=0).repeat(block, axis=1)[:height, :width]


def stretches(mask: Mask) -> Iterator[tuple[int, int, int, int]]:
    """(value, row, first column, column behind the last) of what is drawn, row by row."""
    for row, line in enumerate(mask.tolist()):
        first = 0
        for column in range(1, len(line) + 1):
            if column == len(line) or line[column] != line[first]:
                if line[first]:
                    yield line[first], row, first, column
                first = column


def rectangle(row: int, first: int, last: int, percent: tuple[float, float]) -> Region:
    down, right = percent
    return {
        "x": first * right,
        "y": row * down,
        "width": (last - first) * right,
        "height": down,
        "rotation": 0,
    }


def polygon(row: int, first: int, last: int, percent: tuple[float, float]) -> Region:
    down, right = percent
    corners = [(first, row), (last, row), (last, row + 1), (first, row + 1)]
    return {"points": [[x * right, y * down] for x, y in corners], "closed": True}


def ellipse(row: int, first: int, last: int, percent: tuple[float, float]) -> Region:
    down, right = percent
    return {
        "x": (first + last) / 2 * right,
        "y": (row + 0.5) * down,
        "radiusX": 0.4 * right,
        "radiusY": 0.4 * down,
        "rotation": 0,
    }


DRAWN: dict[str, Callable[[int, int, int, tuple[float, float]], Region]] = {
    POLYGON: polygon,
    RECTANGLE: rectangle,
    ELLIPSE: ellipse,
}


def by_hand(mask: Mask, tag_type: str) -> list[Region]:
    """The mask in shapes, as the browser would submit them."""
    height, width = mask.shape
    draw, percent = DRAWN[tag_type], (100 / height, 100 / width)
    pieces = [
        (value, row, column, column + 1 if draw is ellipse else last)
        for value, row, first, last in stretches(mask)
        for column in (range(first, last) if draw is ellipse else [first])
    ]
    size = {"original_width": width, "original_height": height}
    return [
        region(tag_type, NAMES[value], draw(row, first, last, percent), **size)
        for value, row, first, last in pieces
    ]


@pytest.mark.parametrize("count", MANY)
@pytest.mark.parametrize("tag_type", LARGEST_PX)
def test_masks_come_back_as_they_were(tag_type: str, count: int) -> None:
    control, rng = tag(tag_type), np.random.default_rng(0)
    for number, mask in enumerate(drawn_masks(rng, LARGEST_PX[tag_type], count)):
        written = (
            by_hand(mask, tag_type) if tag_type in SHAPES else encode(mask, CLASSES, control, {})
        )
        result = json.loads(json.dumps(written))

        read = decode(result, CLASSES, control, mask.shape, f"mask {number}")

        assert np.array_equal(read.mask, mask), f"mask {number}: {mask.tolist()}"
        assert read.overlap_px == read.empty == read.clipped == 0
