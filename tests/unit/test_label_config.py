from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.label_studio import wiring
from connectors.label_studio.pull import Cursor
from connectors.label_studio.push import score
from connectors.label_studio.wiring import Wiring
from daemon.domain import ClassSet, Fault

CLASSES = ClassSet(names=("soil", "crop", "weed \"& <thistle>'"), ignore_label="unsure")


def test_the_config_that_we_write_is_read_back_with_every_class_but_background() -> None:
    found = wiring.read(wiring.config_with_reason(CLASSES))

    assert isinstance(found, Wiring)
    assert found.labels == (*CLASSES.names[1:], "unsure")
    assert (found.control.from_name, found.control.to_name, found.image_field) == (
        "mask",
        "image",
        "image",
    )
    assert list(wiring.disagreements(found, CLASSES)) == []


def test_only_the_config_of_a_folder_shows_a_reason() -> None:
    assert "$maskloop_reason" in wiring.config_with_reason(CLASSES)
    assert "$maskloop_reason" not in wiring.config(CLASSES)  # such tasks have none: refused


@pytest.mark.parametrize(
    ("config", "got"),
    [
        ("", "cannot be read"),
        ("<View><Image", "cannot be read"),
        ('<View><Image name="i" value="$x"/></View>', "nothing to draw with"),
        (
            '<View><Image name="i" value="$x"/><BrushLabels name="b" toName="i">'
            '<Label value="crop"/></BrushLabels></View>',
            "BrushLabels to draw with",
        ),
    ],
)
def test_a_config_without_a_mask_tag_is_a_fault(config: str, got: str) -> None:
    found = wiring.read(config)

    assert isinstance(found, Fault)
    assert got in found.got


def test_classes_that_only_one_side_knows_are_named_on_each_side() -> None:
    theirs = wiring.read(wiring.config(ClassSet(names=("soil", "crop", "maize"))))
    assert isinstance(theirs, Wiring)

    missing, unknown = wiring.disagreements(theirs, ClassSet(names=("soil", "crop", "weed")))

    assert missing.got == "no label for weed"
    assert "maize, which config.toml does not know" in unknown.got


@given(st.frozensets(st.integers(1, 500)))
def test_a_cursor_remembers_every_task(ids: frozenset[int]) -> None:
    assert Cursor.parse(str(Cursor(tasks=ids))).tasks == ids


def test_a_cursor_of_ten_thousand_tasks_is_short() -> None:
    assert len(str(Cursor(tasks=frozenset(range(1, 10_001))))) < 80


@given(st.integers(0, 2**20 - 2))
def test_a_later_position_has_a_higher_score_below_one(position: int) -> None:
    assert 0 < score(position) < score(position + 1) < 1
