"""What corrections took, by class, by person and by model: summed up by hand."""

from __future__ import annotations

import pytest

from daemon.domain import ClassPixels, CorrectedLabel, PredictionVersion
from daemon.insight.corrections import ClassEffort, corrections, mean_iou

NAMES = ("soil", "crop", "weed")


def label(
    image_id: int,
    annotator: str,
    changed_share: float,
    seconds: float | None,
    cycle: int = 1,
    **classes: tuple[int, int, int],
) -> CorrectedLabel:
    return CorrectedLabel(
        image_id=image_id,
        annotator=annotator,
        version=PredictionVersion(cycle=cycle, attempt=1, nonce="0a"),
        changed_share=changed_share,
        lead_time_s=seconds,
        classes={
            name: ClassPixels(shown_px=shown, submitted_px=submitted, kept_px=kept)
            for name, (shown, submitted, kept) in classes.items()
        },
    )


TEN = label(1, "anna", 0.1, 30.0, soil=(80, 90, 80), crop=(20, 10, 10))  # 10 px became soil
WEED = label(2, "anna", 0.3, 60.0, soil=(100, 70, 70), weed=(0, 30, 0))
SAME = label(3, "bo", 0.0, 6.0, cycle=2, soil=(100, 100, 100))


def test_nothing_shown_is_nothing_summed() -> None:
    assert corrections([], NAMES) is None


def test_the_total_is_of_all_labels() -> None:
    found = corrections([TEN, WEED, SAME], NAMES)

    assert found is not None
    assert found.total.model_dump() == {
        "images": 3,
        "untouched": 1,
        "changed_share": pytest.approx(0.4 / 3),
        "seconds": 96.0,
        "seconds_each": 30.0,
        "untimed": 0,
    }


def test_a_class_has_its_pixels_and_its_part_of_the_seconds() -> None:
    found = corrections([TEN, WEED, SAME], NAMES)

    assert found is not None
    assert list(found.classes) == ["soil", "crop", "weed"]
    soil, crop, weed = found.classes.values()
    # soil: 10 of 90, 30 of 100 and 0 of 100 pixels; half of the 30 s and half of the 60 s
    assert (soil.images, soil.shown_px, soil.submitted_px) == (3, 280, 260)
    assert (soil.changed_share, soil.seconds) == (pytest.approx(40 / 290), 45.0)
    assert crop == ClassEffort(
        images=1, shown_px=20, submitted_px=10, changed_share=0.5, seconds=15.0
    )
    assert (weed.changed_share, weed.seconds) == (1.0, 30.0)


def test_people_and_models_are_told_apart() -> None:
    found = corrections([TEN, WEED, SAME], NAMES)

    assert found is not None
    assert {name: work.images for name, work in found.people.items()} == {"anna": 2, "bo": 1}
    assert found.people["anna"].seconds_each == 45.0
    assert found.people["bo"].untouched == 1
    assert {cycle: work.changed_share for cycle, work in found.cycles.items()} == {1: 0.2, 2: 0.0}


@pytest.mark.parametrize("seconds", [None, -1.0, 1.7e12, float("nan"), float("inf")])
def test_a_time_that_cannot_be_is_counted_and_not_summed(seconds: float | None) -> None:
    odd = label(4, "anna", 0.5, seconds, crop=(10, 20, 10))

    found = corrections([TEN, odd], NAMES)
    alone = corrections([odd], NAMES)

    assert found is not None
    assert alone is not None
    assert (found.total.seconds, found.total.untimed) == (30.0, 1)
    assert found.classes["crop"].seconds == 15.0
    assert alone.total.seconds is None
    assert alone.classes["crop"].seconds is None


def test_a_class_that_is_no_longer_named_comes_last() -> None:
    found = corrections([label(1, "anna", 0.1, None, thistle=(1, 1, 1), crop=(1, 2, 1))], NAMES)

    assert found is not None
    assert list(found.classes) == ["crop", "thistle"]


def test_the_overlap_of_a_class_is_its_mean_over_images() -> None:
    assert mean_iou([TEN, SAME]) == {"soil": pytest.approx((80 / 90 + 1) / 2), "crop": 0.5}
