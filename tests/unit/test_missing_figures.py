"""The words for figures that are not there."""

from __future__ import annotations

import pytest

from daemon.domain import Evaluation, Missing, Why
from daemon.insight.missing_figures import explain, interval_words, remarks


@pytest.mark.parametrize("why", list(Why))
def test_every_reason_has_words(why: Why) -> None:
    missing = Missing(why=why, classes=("weed",), count=3, needed=8, share=0.2, detail="t1.png")

    assert len(explain(missing)) >= 20
    assert "None" not in explain(missing)


def test_an_interval_says_from_how_many_images_and_how_often_it_is_right() -> None:
    found = Evaluation(
        images=16, miou=0.7, iou={}, miou_interval=(0.6, 0.8), interval_coverage=0.961
    )

    assert interval_words(found) == "16 images; this method covers 96 % in simulation"


def test_an_interval_over_groups_says_how_many() -> None:
    found = Evaluation(
        images=90,
        miou=0.7,
        iou={},
        miou_interval=(0.6, 0.8),
        interval_coverage=0.954,
        interval_groups=9,
    )

    assert interval_words(found).startswith("90 images in 9 groups; ")


def test_an_interval_of_an_earlier_release_says_so() -> None:
    found = Evaluation(images=16, miou=0.7, iou={}, miou_interval=(0.6, 0.8))

    assert "earlier release" in interval_words(found)


def test_what_leaves_out_the_miou_is_said_once() -> None:
    none = Missing(why=Why.ONE_CLASS, classes=("crop",))
    found = Evaluation(
        images=16, miou=None, iou={"crop": None}, missing={"miou": none, "miou_interval": none}
    )

    assert remarks(found) == [explain(none)]
    assert interval_words(found) == "no interval"


def test_a_class_that_is_left_out_of_the_mean_is_said_beside_it() -> None:
    absent = Missing(why=Why.CLASS_ABSENT, classes=("weed",))
    found = Evaluation(images=16, miou=0.7, iou={"weed": None}, missing={"iou.weed": absent})

    assert remarks(found) == ["no mask of these images holds 'weed'"]
