"""Every mask tag through the codec: what is written, what is read, what is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.masks.bitmask import URL_START
from connectors.masks.regions import BITMASK, BRUSH, decode, encode
from connectors.unreadable import AnnotationRefused
from daemon.domain import Mask
from tests.fakes.regions import (
    BOX,
    CLASSES,
    ELLIPSE,
    POLYGON,
    RECTANGLE,
    ROUND,
    SIZE,
    SQUARE,
    masks,
    painted,
    read,
    region,
    tag,
)

DRAWN = {POLYGON: SQUARE, RECTANGLE: BOX}


@settings(max_examples=60, deadline=None)
@given(masks, st.sampled_from([BITMASK, BRUSH]))
def test_a_mask_survives_each_exact_tag(mask: Mask, tag_type: str) -> None:
    result = json.loads(json.dumps(encode(mask, CLASSES, tag(tag_type), {"crop": 0.25})))

    decoded = decode(result, CLASSES, tag(tag_type), mask.shape, "annotation 1")

    assert np.array_equal(decoded.mask, mask)
    assert {one["type"] for one in result} <= {tag_type}


@pytest.mark.parametrize("tag_type", [POLYGON, RECTANGLE, ELLIPSE])
def test_a_tag_of_shapes_shows_no_mask(tag_type: str) -> None:
    assert encode(np.ones(SIZE, np.uint8), CLASSES, tag(tag_type), {}) == []


@pytest.mark.parametrize("tag_type", DRAWN)
def test_a_shape_is_read_as_the_pixels_that_it_holds(tag_type: str) -> None:
    expected = np.zeros(SIZE, np.uint8)
    expected[2:4, 2:5] = 2

    assert np.array_equal(read([region(tag_type, "weed", DRAWN[tag_type])]).mask, expected)


def test_an_ellipse_is_read_as_the_pixels_that_it_holds() -> None:
    expected = np.zeros(SIZE, np.uint8)
    expected[2:4, 2:5] = 2

    assert np.array_equal(read([region(ELLIPSE, "weed", ROUND)]).mask, expected)


def test_what_leaves_the_image_is_cut_off_and_said() -> None:
    leaving = region(RECTANGLE, "crop", BOX | {"width": 90})
    outside = region(RECTANGLE, "weed", BOX | {"x": 130})

    decoded = read([leaving, outside])

    assert decoded.mask.sum() == 2 * 8
    assert decoded.notes == (
        "2 regions leave the image: what lies outside was cut off",
        "1 regions hold no pixel",
    )


@pytest.mark.parametrize("tag_type", [BRUSH, POLYGON, RECTANGLE, ELLIPSE])
def test_a_tag_that_the_project_lacks_is_refused_by_name(tag_type: str) -> None:
    result = [region(tag_type, "crop", {})]

    with pytest.raises(AnnotationRefused, match=f"'{tag_type}' region of the tag '{tag_type}'"):
        read(result, tag(BITMASK))


ONE_OF_EACH = [
    painted(BITMASK, "crop", np.eye(*SIZE, dtype=np.uint8)),
    painted(BRUSH, "weed", np.eye(*SIZE, k=2, dtype=np.uint8)),
    region(POLYGON, "crop", SQUARE),
    region(RECTANGLE, "weed", BOX | {"rotation": 30}),
    region(ELLIPSE, "unsure", ROUND),
]
numbers = st.sampled_from([float("nan"), float("inf"), -1, 1e300, 10**30, True, 2**31])
odd = st.recursive(
    st.none() | st.booleans() | numbers | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=6,
)
VITAL = {"type", "from_name", "original_width", "original_height", "value", "imageDataURL", "rle"}
VITAL |= {"points", "x", "y", "width", "height", "radiusX", "radiusY"}
VITAL |= {BITMASK, BRUSH, POLYGON, RECTANGLE, ELLIPSE}


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(ONE_OF_EACH), st.data())
def test_a_spoiled_region_is_refused_or_reads_as_a_number_that_it_could_be(
    whole: dict[str, Any], data: Any
) -> None:
    spoiled = copy.deepcopy(whole)
    name = data.draw(st.sampled_from(sorted(VITAL & {*spoiled, *spoiled["value"]})))
    target = spoiled if name in spoiled else spoiled["value"]
    target[name] = data.draw(odd)
    try:
        decoded = read([spoiled])
    except AnnotationRefused:
        return
    assert decoded.mask.shape == SIZE
    if decoded.empty and target[name] == []:
        return  # a shape without points, a stroke that was never made
    if target[name] == [""]:
        return  # a label without a name means "no label"
    assert isinstance(target[name], int | float)
    assert not isinstance(target[name], bool)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ONE_OF_EACH), st.sampled_from(sorted(VITAL)))
def test_a_region_that_lacks_a_vital_part_is_refused(whole: dict[str, Any], name: str) -> None:
    lacking = copy.deepcopy(whole)
    if lacking.pop(name, None) is None and lacking["value"].pop(name, None) is None:
        return
    with pytest.raises(AnnotationRefused):
        read([lacking])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ONE_OF_EACH), st.integers(0, 10**6), st.integers(0, 255))
def test_a_damaged_mask_is_refused_or_has_this_size(
    whole: dict[str, Any], at: int, byte: int
) -> None:
    damaged = copy.deepcopy(whole)
    value = damaged["value"]
    if "rle" in value:
        value["rle"][at % len(value["rle"])] = byte
    elif "imageDataURL" in value:
        place = len(URL_START) + at % (len(value["imageDataURL"]) - len(URL_START))
        url = value["imageDataURL"]
        value["imageDataURL"] = url[:place] + chr(byte) + url[place + 1 :]
    try:
        assert read([damaged]).mask.shape == SIZE
    except AnnotationRefused:
        return
