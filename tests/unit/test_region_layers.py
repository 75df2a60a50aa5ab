"""Regions that overlap, that hold nothing, that lie elsewhere: what people see, or a refusal."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from connectors.masks import bitmask, brush_rle
from connectors.masks.regions import BITMASK, BRUSH, decode
from connectors.unreadable import AnnotationRefused
from daemon.domain import IGNORE
from tests.fakes.regions import (
    BOX,
    CLASSES,
    ELLIPSE,
    EVERY,
    POLYGON,
    RECTANGLE,
    ROUND,
    SIZE,
    SQUARE,
    painted,
    read,
    region,
)

LAYERS = {BRUSH: 0, POLYGON: 1, RECTANGLE: 1, ELLIPSE: 1, BITMASK: 2}  # as Label Studio draws them


def spot(tag_type: str, label: str, left: int) -> dict[str, Any]:
    """A region of 3 columns and 4 rows, or nearly so, from a column on."""
    inside = np.zeros(SIZE, np.uint8)
    inside[2:6, left : left + 3] = 1
    box = {"x": 10 * left, "y": 25, "width": 30, "height": 50}
    corners = [[10 * left, 25], [10 * left + 30, 25], [10 * left + 30, 75], [10 * left, 75]]
    drawn: dict[str, dict[str, Any]] = {
        POLYGON: {"points": corners},
        RECTANGLE: box,
        ELLIPSE: {"x": 10 * left + 15, "y": 50, "radiusX": 15, "radiusY": 25},
    }
    if tag_type in drawn:
        return region(tag_type, label, drawn[tag_type])
    return painted(tag_type, label, inside)


@pytest.mark.parametrize("second", LAYERS)
@pytest.mark.parametrize("first", LAYERS)
def test_the_higher_layer_wins_and_within_a_layer_the_later_region(first: str, second: str) -> None:
    below, above = spot(first, "crop", 3), spot(second, "weed", 4)

    decoded = read([below, above])

    middle = decoded.mask[3, 4]  # both hold it
    assert middle == (1 if LAYERS[first] > LAYERS[second] else 2)
    assert decoded.overlap_px > 0
    assert decoded.notes == (
        f"{decoded.overlap_px} pixels were drawn by two classes: the region on top has them",
    )


def test_the_ignore_label_lies_in_its_layer_like_any_other() -> None:
    brush = painted(BRUSH, "crop", np.ones(SIZE, np.uint8))
    square = region(POLYGON, "unsure", SQUARE)

    one, other = read([brush, square]), read([square, brush])

    assert np.array_equal(one.mask, other.mask)
    assert (one.mask == IGNORE).sum() == one.overlap_px == other.overlap_px == 6


NOTHING: dict[str, dict[str, Any]] = {
    "an ellipse without a radius": region(ELLIPSE, "weed", ROUND | {"radiusX": 0}),
    "an ellipse as thin as can be": region(ELLIPSE, "weed", ROUND | {"radiusY": 5e-324}),
    "an ellipse of denormal radii": region(
        ELLIPSE, "weed", ROUND | {"radiusX": 1e-300, "radiusY": 1e-300}
    ),
    "a rectangle without a width": region(RECTANGLE, "weed", BOX | {"width": 0}),
    "a rectangle without a height": region(RECTANGLE, "weed", BOX | {"height": 0.0}),
    "a polygon of two points": region(POLYGON, "weed", {"points": [[20, 25], [50, 50]]}),
    "a polygon of no point": region(POLYGON, "weed", {"points": []}),
    "a polygon in one line": region(POLYGON, "weed", {"points": [[20, 25], [30, 25], [50, 25]]}),
    "a polygon in one point": region(POLYGON, "weed", {"points": [[20, 25]] * 5}),
    "an empty brush": region(BRUSH, "weed", {"format": "rle", "rle": []}),
    "an empty bitmask": region(
        BITMASK, "weed", {"imageDataURL": bitmask.encode(np.zeros(SIZE, np.bool_))}
    ),
    "a brush that was wiped off": painted(BRUSH, "weed", np.ones(SIZE, np.uint8))
    | {"value": {BRUSH: ["weed"], "rle": brush_rle.encode(np.zeros(SIZE, np.uint8))}},
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_region_without_area_is_a_note_and_the_others_are_kept(name: str) -> None:
    decoded = read([region(RECTANGLE, "crop", BOX), NOTHING[name]])

    assert (decoded.mask == 1).sum() == 6
    assert not (decoded.mask == 2).any()
    assert decoded.notes == ("1 regions hold no pixel",)


LINE = {"type": "vectorlabels", "from_name": "v", "to_name": "image", "value": {"closed": False}}
LEFT_OUT: dict[str, tuple[dict[str, Any], str]] = {
    "a click": ({"type": "keypoint", "from_name": "k", "value": {"x": 1}}, "1 clicks became"),
    "an open line": (LINE, "1 open lines were left out"),
    "text": ({"type": "hypertextlabels", "from_name": "t", "value": {}}, "another image or medium"),
    "a mask on the second image": (
        region(POLYGON, "weed", SQUARE, from_name="other", to_name="second"),
        "another image or medium",
    ),
    "a rectangle on the second image": (
        {"type": "rectangle", "from_name": "r", "to_name": "second", "value": {}},
        "another image or medium",
    ),
    "a later page": (region(POLYGON, "weed", SQUARE, item_index=1), "another image or medium"),
}
TWO_IMAGES = replace(EVERY, other_objects=frozenset({"second"}))


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_no_pixel_of_our_image_is_a_note(name: str) -> None:
    other, words = LEFT_OUT[name]

    decoded = read([other, region(RECTANGLE, "crop", BOX)], TWO_IMAGES)

    assert (decoded.mask == 1).sum() == 6
    assert not (decoded.mask == 2).any()
    (note,) = decoded.notes
    assert words in note


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_no_pixel_of_our_image_is_no_mask_by_itself(name: str) -> None:
    with pytest.raises(AnnotationRefused, match="and no region"):
        read([LEFT_OUT[name][0]], TWO_IMAGES)


ANSWERS = [
    {"type": kind, "from_name": kind, "to_name": "image", "value": {}}
    for kind in ("choices", "textarea", "rating", "number", "datetime", "taxonomy", "pairwise")
] + [{"type": "relation", "from_id": "a", "to_id": "b"}]


def test_answers_in_words_are_no_regions() -> None:
    assert read(ANSWERS).notes == ()
    assert not read(ANSWERS).mask.any()


INCOMPLETE: dict[str, tuple[dict[str, Any], str]] = {
    "a closed line": (LINE | {"value": {"closed": True}}, "'vectorlabels' region"),
    "a brush without labels": ({"type": "brush", "from_name": "b", "value": {}}, "'brush' region"),
    "labels beside it": ({"type": "labels", "from_name": "l", "value": {}}, "'labels' region"),
    "a wand": ({"type": "magicwand", "from_name": "w", "value": {}}, "'magicwand' region"),
    "a mask tag with another type": (
        region(POLYGON, "crop", {}) | {"type": "choices"},
        "'choices'",
    ),
    "something new": ({"type": "cuboidlabels", "from_name": "c", "value": {}}, "'cuboidlabels'"),
    "an unknown label": (region(POLYGON, "maize", SQUARE), "the label 'maize'"),
    "a label in capitals": (region(POLYGON, " Crop ", SQUARE), "not 'crop': case and blanks count"),
    "another size": (region(POLYGON, "crop", SQUARE, original_width=11), "11x8"),
    "an open polygon": (region(POLYGON, "crop", SQUARE | {"closed": False}), "not closed"),
    "a bitmask that is lost": (region(BITMASK, "crop", {"imageDataURL": None}), "imageDataURL"),
    "a view turned by NaN": (region(POLYGON, "crop", SQUARE, image_rotation=math.nan), "turned"),
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_a_region_that_should_hold_pixels_makes_the_answer_unusable(name: str) -> None:
    spoiled, words = INCOMPLETE[name]

    with pytest.raises(AnnotationRefused, match="region 1") as caught:
        read([region(RECTANGLE, "crop", BOX), spoiled], TWO_IMAGES)

    assert words in str(caught.value)


@pytest.mark.parametrize("turn", [0, 90, -90, 180.0, 270, 360, None])
def test_a_view_that_is_turned_by_quarters_changes_nothing(turn: float | None) -> None:
    decoded = read([region(RECTANGLE, "crop", BOX, image_rotation=turn)])

    assert (decoded.mask == 1).sum() == 6


def test_regions_that_share_an_id_are_read_and_noted() -> None:
    decoded = read([region(RECTANGLE, "crop", BOX), region(RECTANGLE, "crop", BOX | {"y": 75})])

    assert (decoded.mask == 1).sum() == 12
    assert decoded.notes == ("1 regions share their id with another, and Label Studio shows one",)


def test_the_same_label_twice_is_one_label() -> None:
    twice = region(RECTANGLE, "crop", BOX)
    twice["value"][RECTANGLE] = ["crop", "crop"]

    assert (read([twice]).mask == 1).sum() == 6


def test_more_masks_than_can_be_decoded_in_time_are_refused_before_the_first() -> None:
    large = (30_000, 30_000)
    result = [region(BITMASK, "crop", {"imageDataURL": "x"})] * 30

    with pytest.raises(AnnotationRefused, match="30 masks of 30000x30000"):
        decode(result, CLASSES, EVERY, large, "annotation 1")


def test_numbers_beyond_any_image_are_refused_for_every_shape() -> None:
    """Seeded: each number of each shape becomes something that JSON can hold and no image has."""
    rng = np.random.default_rng(12)
    odd_numbers = [math.nan, math.inf, -math.inf, 1e308, -1e308, 10**400, True, "7", None, [], {}]
    for _ in range(2_000):
        tag_type = [POLYGON, RECTANGLE, ELLIPSE][rng.integers(3)]
        spoiled = copy.deepcopy(
            region(
                tag_type, "crop", {**{POLYGON: SQUARE, RECTANGLE: BOX, ELLIPSE: ROUND}[tag_type]}
            )
        )
        odd_number = odd_numbers[rng.integers(len(odd_numbers))]
        value = spoiled["value"]
        if tag_type == POLYGON:
            value["points"][rng.integers(4)][rng.integers(2)] = odd_number
        else:
            names = [name for name in value if name != tag_type]
            value[names[rng.integers(len(names))]] = odd_number
            if value.get("rotation", 0) is None:
                continue  # no rotation
        with pytest.raises(AnnotationRefused):
            read([spoiled])
