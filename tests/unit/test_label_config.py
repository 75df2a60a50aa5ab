from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.label_studio import label_config
from connectors.label_studio.cursor import Cursor
from connectors.label_studio.label_config import LabelConfig
from connectors.label_studio.push import score
from daemon.domain import IGNORE, ClassSet, Fault

CLASSES = ClassSet(names=("soil", "crop", "weed \"& <thistle>'"), ignore_label="unsure")


def test_the_config_that_we_write_is_read_back_with_every_class_but_background() -> None:
    found = label_config.parse(label_config.render(CLASSES))

    assert isinstance(found, LabelConfig)
    assert found.labels == (*CLASSES.names[1:], "unsure")
    assert (found.control.from_name, found.control.to_name, found.image_field) == (
        "mask",
        "image",
        "image",
    )
    assert list(label_config.class_mismatches(found, CLASSES)) == []


def test_our_config_shows_the_reason_and_another_is_told_how_to() -> None:
    ours = label_config.parse(label_config.render(CLASSES))
    theirs = label_config.parse(label_config.render(CLASSES).replace(label_config.REASON_TAG, ""))

    assert isinstance(ours, LabelConfig)
    assert isinstance(theirs, LabelConfig)
    assert (ours.shows_reason, ours.notes) == (True, ())
    assert not theirs.shows_reason
    assert any(label_config.REASON_TAG in words for words in theirs.notes)


@pytest.mark.parametrize(
    ("config", "got"),
    [
        ("", "cannot be read"),
        ("<View><Image", "cannot be read"),
        ('<View><Image name="i" value="$x"/></View>', "nothing to draw with"),
        (
            '<View><Image name="i" value="$x"/><Labels name="b" toName="i">'
            '<Label value="crop"/></Labels><Brush name="c" toName="i"/></View>',
            "Brush, Labels to draw with",
        ),
        (
            '<View><Image name="i" value="x.png"/><BrushLabels name="b" toName="i">'
            '<Label value="crop"/></BrushLabels></View>',
            "BrushLabels to draw with",  # on an image that is not of the task
        ),
    ],
)
def test_a_config_without_a_mask_tag_is_a_fault(config: str, got: str) -> None:
    found = label_config.parse(config)

    assert isinstance(found, Fault)
    assert got in found.got


def test_classes_that_only_one_side_knows_are_named_on_each_side() -> None:
    theirs = label_config.parse(label_config.render(ClassSet(names=("soil", "crop", "maize"))))
    assert isinstance(theirs, LabelConfig)

    missing, unknown = label_config.class_mismatches(
        theirs, ClassSet(names=("soil", "crop", "weed"))
    )

    assert missing.got == "no label for weed in the tag 'mask'"
    assert "maize, which config.toml does not know" in unknown.got


def drawing(*tags: str, labels: str = "crop weed") -> str:
    """A config with these mask tags, each with these labels."""
    inside = "".join(f'<Label value="{label}"/>' for label in labels.split())
    controls = "".join(f'<{tag} name="{tag}" toName="i">{inside}</{tag}>' for tag in tags)
    return f'<View><Image name="i" value="$photo"/>{controls}</View>'


@pytest.mark.parametrize(
    ("tags", "written", "read"),
    [
        (["BrushLabels"], "brushlabels", []),
        (["BrushLabels", "BitmaskLabels"], "bitmasklabels", ["brushlabels"]),
        (["PolygonLabels", "BrushLabels"], "brushlabels", ["polygonlabels"]),
        (["EllipseLabels", "RectangleLabels"], "rectanglelabels", ["ellipselabels"]),
    ],
)
def test_the_tag_with_exact_masks_is_written_and_the_others_are_read(
    tags: list[str], written: str, read: list[str]
) -> None:
    found = label_config.parse(drawing(*tags))

    assert isinstance(found, LabelConfig)
    assert found.control.type == written
    assert [other.type for other in found.control.others] == read
    assert found.image_field == "photo"
    shapes_only = any("no prediction is shown" in words for words in found.notes)
    assert shapes_only == (written == "rectanglelabels")  # nothing can be shown with shapes
    assert (
        list(label_config.class_mismatches(found, ClassSet(names=("soil", "crop", "weed")))) == []
    )


def test_a_tag_on_another_image_is_not_read() -> None:
    second = '<Image name="j" value="$k"/><BrushLabels name="b" toName="j"><Label value="crop"/>'

    found = label_config.parse(
        drawing("BitmaskLabels").replace("</View>", f"{second}</BrushLabels></View>")
    )

    assert isinstance(found, LabelConfig)
    assert found.control.others == ()


def test_a_label_that_only_a_further_tag_has_must_be_a_class_too() -> None:
    further = '<PolygonLabels name="p" toName="i"><Label value="maize"/></PolygonLabels></View>'
    found = label_config.parse(drawing("BitmaskLabels").replace("</View>", further))
    assert isinstance(found, LabelConfig)

    (unknown,) = label_config.class_mismatches(found, ClassSet(names=("soil", "crop", "weed")))

    assert "maize" in unknown.got


def test_where_unlabeled_means_ignore_background_has_a_label_too() -> None:
    classes = ClassSet(names=("soil", "crop"), unlabeled=IGNORE)

    found = label_config.parse(label_config.render(classes))

    assert isinstance(found, LabelConfig)
    assert found.labels == ("soil", "crop")
    assert list(label_config.class_mismatches(found, classes)) == []


@given(st.frozensets(st.integers(1, 500)))
def test_a_cursor_remembers_every_task(ids: frozenset[int]) -> None:
    assert Cursor.parse(str(Cursor(tasks=ids))).tasks == ids


def test_a_cursor_of_ten_thousand_tasks_is_short() -> None:
    assert len(str(Cursor(tasks=frozenset(range(1, 10_001))))) < 80


@given(st.integers(0, 2**20 - 2))
def test_a_later_position_has_a_higher_score_below_one(position: int) -> None:
    assert 0 < score(position) < score(position + 1) < 1
