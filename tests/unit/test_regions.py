from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from connectors.masks.bitmask import URL_START
from connectors.masks.regions import BITMASK, Control, decode, encode
from connectors.unreadable import AnnotationRefused
from daemon.domain import IGNORE, Mask
from daemon.domain.errors import MaskRefused
from tests.fakes.regions import CLASSES, masks

CONTROL = Control(from_name="mask", to_name="image")


def painted(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return URL_START + base64.b64encode(stream.getvalue()).decode()


def brushed(alpha: Any, label: str, **changes: Any) -> dict[str, Any]:
    """A region as a browser's canvas writes it: black RGBA, the mask in alpha."""
    rgba = np.zeros((*np.shape(alpha), 4), np.uint8)
    rgba[..., 3] = alpha
    height_px, width_px = np.shape(alpha)
    region = {
        "id": "r1",
        "type": BITMASK,
        "from_name": "mask",
        "to_name": "image",
        "original_width": width_px,
        "original_height": height_px,
        "image_rotation": 0,
        "origin": "manual",
        "value": {"imageDataURL": painted(Image.fromarray(rgba)), BITMASK: [label]},
    }
    return region | changes


def read(result: object, size: tuple[int, int] = (1, 3)) -> Mask:
    return decode(result, CLASSES, CONTROL, size, "annotation 1").mask


@settings(max_examples=60, deadline=None)
@given(masks)
def test_a_mask_survives_the_way_to_label_studio_and_back(mask: Mask) -> None:
    result = encode(mask, CLASSES, CONTROL, {"crop": 0.25})

    assert np.array_equal(read(result, mask.shape), mask)


@settings(max_examples=60, deadline=None)
@given(masks)
def test_each_class_but_background_is_one_region(mask: Mask) -> None:
    result = encode(mask, CLASSES, CONTROL, {})

    assert len(result) == np.unique(mask[mask != 0]).size


def test_regions_are_one_bit_palette_pngs() -> None:
    region = encode(np.ones((4, 4), np.uint8), CLASSES, CONTROL, {"crop": 0.25})[0]
    header = base64.b64decode(region["value"]["imageDataURL"][len(URL_START) :])[24:26]

    assert (region["score"], tuple(header)) == (0.25, (1, 3))  # depth 1, colour type 3: palette


def test_a_predicted_value_that_is_no_class_is_refused() -> None:
    with pytest.raises(MaskRefused, match="pixel value 3"):
        encode(np.full((2, 2), 3, np.uint8), CLASSES, CONTROL, {})


def test_a_soft_brush_edge_counts_from_half_opaque() -> None:
    assert read([brushed([[127, 128, 255]], "crop")]).tolist() == [[0, 1, 1]]


def test_where_regions_overlap_the_later_one_wins_and_the_overlap_is_counted() -> None:
    result = [brushed([[255, 255, 0]], "weed"), brushed([[0, 255, 255]], "crop", id="r2")]

    decoded = decode(result, CLASSES, CONTROL, (1, 3), "annotation 1")

    assert decoded.mask.tolist() == [[2, 1, 1]]
    assert decoded.overlap_px == 1


def test_regions_of_one_class_are_their_union() -> None:
    result = [brushed([[255, 0, 0]], "weed"), brushed([[0, 0, 255]], "weed", id="r2")]

    assert read(result).tolist() == [[2, 0, 2]]


def test_an_empty_annotation_is_all_background() -> None:
    assert read([]).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("turn", [0, 90, 180, 270, None])
def test_a_turned_view_changes_nothing_about_the_mask(turn: int | None) -> None:
    assert read([brushed([[255, 0, 0]], "crop", image_rotation=turn)]).tolist() == [[1, 0, 0]]


def test_where_unlabeled_means_ignore_background_is_drawn_like_any_class() -> None:
    classes = replace(CLASSES, unlabeled=IGNORE)
    mask = np.array([[0, IGNORE, 2]], np.uint8)

    result = encode(mask, classes, CONTROL, {})

    assert [region["value"][BITMASK] for region in result] == [["soil"], ["weed"]]
    assert np.array_equal(decode(result, classes, CONTROL, (1, 3), "annotation 1").mask, mask)
    assert (decode([], classes, CONTROL, (1, 3), "annotation 1").mask == IGNORE).all()


def test_the_ignore_label_becomes_255() -> None:
    assert read([brushed([[255, 0, 0]], "unsure")]).tolist() == [[IGNORE, 0, 0]]


def test_clicks_and_answers_about_the_image_hold_no_pixels() -> None:
    clicks = [{"type": "keypointlabels", "value": {"x": 1}}, {"type": "choices", "value": {}}]

    decoded = decode([*clicks, brushed([[255, 0, 0]], "crop")], CLASSES, CONTROL, (1, 3), "a")

    assert decoded.mask.tolist() == [[1, 0, 0]]
    assert decoded.notes == ("1 clicks became no region",)


BROKEN: dict[str, tuple[object, str]] = {
    "no list": ({"a": 1}, "list of"),
    "no object": (["x"], "an object"),
    "another type": ([{"type": "brushlabels", "from_name": "mask"}], "with a mask tag of this"),
    "other tag": ([brushed([[1, 1, 1]], "crop", from_name="other")], "'other'"),
    "unknown class": ([brushed([[1, 1, 1]], "thistle")], "add the class to config.toml"),
    "background drawn": ([brushed([[1, 1, 1]], "none")], "label 'none'"),
    "no label": ([brushed([[1, 1, 1]], "crop", value={BITMASK: []})], "exactly one label"),
    "two labels": (
        [brushed([[1, 1, 1]], "crop", value={BITMASK: ["crop", "weed"]})],
        "exactly one",
    ),
    "other size": ([brushed([[1, 1, 1]], "crop", original_width=4)], "4x1"),
    "turned askew": ([brushed([[1, 1, 1]], "crop", image_rotation=45)], "turned by 45"),
    "another image": ([brushed([[1, 1, 1]], "crop", item_index=1)], "another image"),
    "zero and one": ([brushed([[0, 1, 1]], "crop")], "nobody can see"),
    "clicks only": ([{"type": "keypointlabels", "value": {}}] * 2, "2 clicks and no region"),
    "png of another size": (
        [brushed([[1, 1, 1, 1]], "crop", original_width=3)],
        "a PNG of 4x1",
    ),
    "no url": ([brushed([[1, 1, 1]], "crop", value={BITMASK: ["crop"]})], "imageDataURL"),
    "a web address": (
        [brushed([[1]], "crop", value={BITMASK: ["crop"], "imageDataURL": "http://x/y.png"})],
        "got",
    ),
    "jpeg": (
        [
            brushed(
                [[1, 1, 1]],
                "crop",
                value={BITMASK: ["crop"], "imageDataURL": URL_START + "/9j/4AAQSkZJRgABAQ=="},
            )
        ],
        "a PNG",
    ),
    "opaque": (
        [
            brushed(
                [[1, 1, 1]],
                "crop",
                value={BITMASK: ["crop"], "imageDataURL": painted(Image.new("L", (3, 1), 255))},
            )
        ],
        "transparency",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_result_that_cannot_be_used_is_refused_and_says_why(name: str) -> None:
    result, words = BROKEN[name]

    with pytest.raises(AnnotationRefused, match=words) as caught:
        read(result)

    assert caught.value.fault.where.startswith("annotation 1")


def test_a_truncated_png_is_refused() -> None:
    region = brushed(np.full((64, 64), 255), "crop")
    content = base64.b64decode(region["value"]["imageDataURL"][len(URL_START) :])
    region["value"]["imageDataURL"] = URL_START + base64.b64encode(content[:-30]).decode()

    with pytest.raises(AnnotationRefused, match="broken PNG"):
        read([region], (64, 64))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(BITMASK),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "value", BITMASK, "from_name", "imageDataURL", "id", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(json_like)
def test_made_up_json_is_refused_or_holds_no_pixels(result: object) -> None:
    try:
        mask = read(result)
    except AnnotationRefused:
        return
    assert not mask.any()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_spoiled_region_never_crashes_and_never_passes_as_another_size(data: Any) -> None:
    region = brushed([[255, 0, 0]], "crop")
    field = data.draw(st.sampled_from([*region, "imageDataURL", BITMASK]))
    target = region if field in region else region["value"]
    target[field] = data.draw(json_like)
    try:
        mask = read([region])
    except AnnotationRefused:
        return
    assert mask.shape == (1, 3)
    assert mask.tolist() == [[1, 0, 0]]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 60))
def test_a_damaged_png_never_crashes(noise: bytes, at: int) -> None:
    region = brushed([[255, 0, 0]], "crop")
    content = base64.b64decode(region["value"]["imageDataURL"][len(URL_START) :])
    spoiled = content[:at] + noise + content[at + len(noise) :]
    region["value"]["imageDataURL"] = URL_START + base64.b64encode(spoiled).decode()
    try:
        mask = read([region])
    except AnnotationRefused:
        return
    assert mask.shape == (1, 3)
