"""How well two people agree: pixels of one image, then figures over images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from daemon.audit.label_agreement import class_agreement
from daemon.domain import IGNORE, Mask
from daemon.domain.second_labels import SecondLabelState
from daemon.insight.annotator_agreement import AnnotatorAgreement, annotator_agreement
from daemon.rules.image_bootstrap import MIN_UNITS
from daemon.web.app import create_app
from tests.fakes.agreements import TOLERANCE_PX, agreement_on, measured
from tests.fakes.statuses import status

CLASSES = ("soil", "crop")
MASK = arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, IGNORE]))
TOLERANCE = st.integers(0, 2)


@given(MASK, MASK, TOLERANCE)
def test_it_is_the_same_both_ways(first: Mask, second: Mask, tolerance_px: int) -> None:
    there = class_agreement(first, second, 3, tolerance_px)

    assert class_agreement(second, first, 3, tolerance_px) == there


@given(MASK, MASK, TOLERANCE)
def test_a_tolerance_leaves_out_pixels_that_differ_and_no_others(
    first: Mask, second: Mask, tolerance_px: int
) -> None:
    plain = class_agreement(first, second, 3, 0)
    tolerant = class_agreement(first, second, 3, tolerance_px)

    for one, other in zip(plain, tolerant, strict=True):
        assert one.either == one.beyond == other.either
        assert one.common == other.common
        assert other.common <= other.beyond <= other.either


@given(MASK, TOLERANCE)
def test_a_label_agrees_with_itself(mask: Mask, tolerance_px: int) -> None:
    for value, one in enumerate(class_agreement(mask, mask, 3, tolerance_px)):
        pixels = int((mask == value).sum())
        assert (one.common, one.either, one.beyond) == (pixels, pixels, pixels)


@given(MASK, MASK)
def test_the_names_of_the_classes_do_not_matter(first: Mask, second: Mask) -> None:
    turn = np.array([*[1, 2, 0], *range(3, 256)], np.uint8)

    there = class_agreement(first, second, 3, 1)

    turned = class_agreement(turn[first], turn[second], 3, 1)
    assert [turned[int(turn[value])] for value in range(3)] == list(there)


def test_where_one_of_them_gives_no_label_nothing_is_said() -> None:
    first = np.array([[1, 1, 0, 0]], np.uint8)
    second = np.array([[1, IGNORE, IGNORE, 0]], np.uint8)

    soil, crop = class_agreement(first, second, 2, 0)

    assert (soil.either, crop.either) == (1, 1)


def test_a_border_that_moved_by_the_tolerance_is_left_out_and_a_missing_plant_is_not() -> None:
    first, moved = np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8)
    first[4:12, 4:12] = 1
    moved[5:13, 4:12] = 1
    missing = np.zeros_like(first)

    (_, shifted), (_, absent) = (class_agreement(first, other, 2, 2) for other in (moved, missing))

    assert shifted.either == 72
    assert shifted.beyond == shifted.common == 56
    assert (absent.common, absent.either, absent.beyond) == (0, 64, 64)


def test_two_sizes_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="expected one size"):
        class_agreement(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 2, 0)


def figures(
    rows: Sequence[tuple[tuple[int, int, int], ...]], **changes: object
) -> AnnotatorAgreement:
    """One image a row, with the pixels of its classes."""
    given_: dict[str, object] = {
        "groups": {},
        "counts": {},
        "wanted": 0,
        "stopped": "",
        "tolerance_px": TOLERANCE_PX,
    }
    images = [measured(number, *row) for number, row in enumerate(rows)]
    return annotator_agreement(images, CLASSES, **{**given_, **changes})  # type: ignore[arg-type]


def test_the_figure_is_the_iou_of_the_summed_pixels() -> None:
    rows = [((90, 100, 95), (8, 20, 10))] * 5 + [((50, 100, 60), (4, 5, 4))] * 5

    found = figures(rows)

    assert found.iou["soil"] == pytest.approx(700 / 1000)
    assert found.iou["crop"] == pytest.approx(60 / 125)
    assert found.miou == pytest.approx((0.7 + 0.48) / 2)
    assert found.tolerant_iou["soil"] == pytest.approx(700 / 775)
    assert found.interval is not None
    assert found.interval[0] < found.miou < found.interval[1]
    assert found.words.startswith("two people agree at mIoU 0.590 (95 %: ")
    assert "on 10 images" in found.words


@pytest.mark.parametrize("images", [0, 1, MIN_UNITS - 1])
def test_few_images_give_no_figure_and_say_so(images: int) -> None:
    found = figures([((90, 100, 95), (8, 20, 10))] * images, wanted=12)

    assert (found.miou, found.interval, found.iou) == (None, None, {})
    assert f"not measured: {images} of the {MIN_UNITS} images" in found.words


def test_images_of_a_group_count_as_one() -> None:
    rows = [((90, 100, 95), (8, 20, 10))] * (2 * MIN_UNITS)
    groups = {number: f"field {number // 4}" for number in range(2 * MIN_UNITS)}

    found = figures(rows, groups=groups)

    assert found.miou is None
    assert f"{MIN_UNITS // 2} of the {MIN_UNITS} groups" in found.words


def test_a_class_in_few_images_leaves_no_interval_and_labels_of_one_class_no_mean() -> None:
    rare = [((90, 100, 95), (8, 20, 10))] + [((90, 100, 95), (0, 0, 0))] * MIN_UNITS
    alone = [((90, 100, 95), (0, 0, 0))] * MIN_UNITS

    assert figures(rare).miou is not None
    assert figures(rare).interval is None
    assert "hold a class" in figures(rare).words
    assert figures(alone).miou is None
    assert "one class only" in figures(alone).words


def test_perfect_people_agree_fully() -> None:
    found = figures([((100, 100, 100), (20, 20, 20))] * MIN_UNITS)

    assert found.miou == 1.0
    assert found.interval == (1.0, 1.0)


def test_nobody_asked_nothing_is_said() -> None:
    found = figures([])

    assert (found.words, found.line()) == ("", "")


def test_the_page_of_the_curve_shows_the_ceiling_beside_the_curve() -> None:
    def page(images: int, wanted: int) -> FlaskClient:
        agreement = agreement_on(images, ("soil", "crop", "weed"), wanted)
        return create_app(lambda: status(3, agreement=agreement)).test_client()

    answer = page(12, 12).get("/curve.json").get_json()

    assert "Two people agree at mIoU 0.8" in page(12, 12).get("/curve").text
    assert answer["agreement"]["images"] == 12
    assert "not measured: 3 of the 8 images" in page(3, 12).get("/curve").text
    assert "[validation] second_labels says" in page(0, 0).get("/curve").text


def test_who_was_asked_and_did_not_answer_is_counted() -> None:
    counts = {SecondLabelState.OPEN: 2, SecondLabelState.GIVEN: 3, SecondLabelState.DROPPED: 1}

    found = figures([], counts=counts, wanted=6, stopped="nobody else is there")

    assert found.asked == 6
    assert "2 waiting for a second label" in found.line()
    assert "no further second labels: nobody else is there" in found.line()
