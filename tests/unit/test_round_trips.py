"""Ten thousand random masks through each tag, there and back, and nothing of them is lost.

Only BitmaskLabels and BrushLabels are written by us. For the shapes a mask is drawn as people
could: a rectangle or polygon for each stretch of a row, an ellipse for each pixel.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from connectors.regions import BRUSH, SHAPES, TYPE, Control, decode, encode
from daemon.domain import IGNORE, ClassSet, Mask

MASKS = 10_000
LARGEST_PX = {TYPE: 14, BRUSH: 14, "polygonlabels": 6, "rectanglelabels": 6, "ellipselabels": 6}
CLASSES = ClassSet(names=("soil", "crop", "weed"), ignore_label="unsure")
NAMES = {1: "crop", 2: "weed", IGNORE: "unsure"}

Region = dict[str, Any]


def drawn_masks(rng: np.random.Generator, largest_px: int) -> Iterator[Mask]:
    """All sizes up to this one, from nearly empty to nearly full, single pixels and blocks."""
    for _ in range(MASKS):
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
    "polygonlabels": polygon,
    "rectanglelabels": rectangle,
    "ellipselabels": ellipse,
}


def by_hand(mask: Mask, control: Control) -> list[Region]:
    """The mask in shapes, as the browser would submit them."""
    height, width = mask.shape
    draw, percent = DRAWN[control.type], (100 / height, 100 / width)
    pieces = [
        (value, row, column, column + 1 if draw is ellipse else last)
        for value, row, first, last in stretches(mask)
        for column in (range(first, last) if draw is ellipse else [first])
    ]
    return [
        {
            "id": str(number),
            "type": control.type,
            "from_name": control.from_name,
            "to_name": control.to_name,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {**draw(row, first, last, percent), control.type: [NAMES[value]]},
        }
        for number, (value, row, first, last) in enumerate(pieces)
    ]


@pytest.mark.parametrize("tag", LARGEST_PX)
def test_ten_thousand_masks_come_back_as_they_were(tag: str) -> None:
    control = Control(from_name="mask", to_name="image", type=tag)
    for number, mask in enumerate(drawn_masks(np.random.default_rng(0), LARGEST_PX[tag])):
        written = by_hand(mask, control) if tag in SHAPES else encode(mask, CLASSES, control, {})
        result = json.loads(json.dumps(written))

        read = decode(result, CLASSES, control, mask.shape, f"mask {number}")

        assert np.array_equal(read.mask, mask), f"mask {number}: {mask.tolist()}"
        assert read.overlap_px == read.blank == read.cut == 0
