"""The guide in the project's instructions: true to the settings, and never in people's way."""

from __future__ import annotations

from connectors.label_studio.guide import guide, instructions
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

    found = instructions("Mind the gap.", ours)

    assert found == "Mind the gap." + ours
    assert instructions(found, ours) is None


def test_it_follows_the_classes_and_leaves_the_words_around_it() -> None:
    old = guide(CLASSES, COLOURS)
    new = guide(ClassSet(names=("soil", "crop", "thistle")), COLOURS)

    assert instructions(f"before {old} after", new) == f"before {new} after"


def test_a_guide_that_people_edited_or_wrote_themselves_stays() -> None:
    ours = guide(CLASSES, COLOURS)

    assert instructions(ours.replace("How to label here", "Read me"), ours) is None
    assert instructions("Use Label All Tasks, please.", ours) is None
