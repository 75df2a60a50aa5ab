"""The guide in the project's instructions: true to the settings, and never in people's way."""

from __future__ import annotations

import pytest

from connectors.label_studio.guide import guide, is_missing, with_guide
from daemon.domain import IGNORE, ClassSet

CLASSES = ClassSet(names=("soil", "crop", "weed"), ignore_label="unsure")
COLOURS = {"crop": "#d55e00"}


def test_it_says_what_to_press_what_the_classes_are_and_what_is_for_doubt() -> None:
    text = guide(CLASSES, COLOURS)

    assert "Press Label All Tasks." in text
    assert '<td bgcolor="#d55e00" width="22">' in text
    assert all(f"<b>{name}</b>" in text for name in ("crop", "weed", "unsure"))
    assert "In doubt, draw unsure." in text


def test_it_says_what_undrawn_pixels_are_by_the_setting() -> None:
    drawn = ClassSet(names=CLASSES.names, ignore_label="unsure", unlabeled=IGNORE)

    assert "What nobody draws is <b>soil</b>." in guide(CLASSES, {})
    assert "Draw <b>soil</b> too." in guide(drawn, {})
    assert "is <b>soil</b>" not in guide(drawn, {})
    assert "drawn like any other class" in guide(drawn, {})


def test_a_hostile_class_name_stays_text() -> None:
    text = guide(ClassSet(names=("soil", "<img src=x>")), {"<img src=x>": '"><script>'})

    assert "<img" not in text
    assert "<script" not in text


def test_it_stands_behind_what_people_wrote_and_is_written_once() -> None:
    ours = guide(CLASSES, COLOURS)

    found = with_guide("Mind the gap.", ours)

    assert found == "Mind the gap." + ours
    assert with_guide(found, ours) is None


def test_it_follows_the_classes_and_leaves_the_words_around_it() -> None:
    old = guide(CLASSES, COLOURS)
    new = guide(ClassSet(names=("soil", "crop", "thistle")), COLOURS)

    assert with_guide(f"before {old} after", new) == f"before {new} after"


def test_a_guide_that_people_edited_or_wrote_themselves_stays() -> None:
    ours = guide(CLASSES, COLOURS)

    assert with_guide(ours.replace("How to label here", "Read me"), ours) is None
    assert with_guide("Use Label All Tasks, please.", ours) is None


def test_it_says_that_the_first_images_come_without_a_mask() -> None:
    text = guide(CLASSES, COLOURS)

    assert "A mask that is shown is the model's." in text
    assert "The first images come without a mask, since there is no model yet" in text


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (None, "Come back a little later"),
        (1, "in about 1 minute and"),
        (20, "in about 20 minutes and"),
        (180, "in about 3 hours and"),
    ],
)
def test_it_says_when_to_come_back_where_nothing_is_left(minutes: int | None, words: str) -> None:
    text = guide(CLASSES, COLOURS, minutes)

    assert "No More Tasks Left</b> means that the model is learning" in text
    assert words in text


def test_other_minutes_replace_the_guide_in_silence_and_unknown_ones_keep_it() -> None:
    first, ten = guide(CLASSES, COLOURS), guide(CLASSES, COLOURS, 10)
    later = guide(CLASSES, COLOURS, 30)

    assert with_guide(f"before {first}", ten) == f"before {ten}"
    assert with_guide(ten, later) == later
    assert with_guide(ten, ten) is None
    assert with_guide(ten, first) is None  # `init` knows no minutes
    assert not is_missing(ten, later)


def test_a_guide_for_other_classes_is_lacking_and_an_edited_one_is_not() -> None:
    other = guide(ClassSet(names=("soil", "thistle")), COLOURS, 10)
    ours = guide(CLASSES, COLOURS, 10)

    assert is_missing("", ours)
    assert is_missing(other, ours)
    assert not is_missing("Use Label All Tasks, please.", ours)


def test_it_says_how_to_click_where_people_can_and_follows_that() -> None:
    plain, clicks = guide(CLASSES, COLOURS), guide(CLASSES, COLOURS, smart_tool=True)

    assert "leave Auto-Accept Suggestions off" in clicks
    assert "only selects it" in clicks
    assert "Auto-Accept" not in plain
    assert with_guide(plain, clicks) == clicks
