"""Label configs as teams have them: what is read, what is said before the first task."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.label_studio import label_config
from connectors.label_studio.label_config import LabelConfig
from connectors.label_studio.label_tags import MAX_CHARS, InvalidLabelConfig, read_tags
from daemon.domain import ClassSet, Fault

CLASSES = ClassSet(names=("soil", "crop", "weed"))
LABELS = '<Label value="crop"/><Label value="weed"/>'
MASK = f'<BrushLabels name="mask" toName="image">{LABELS}</BrushLabels>'
IMAGE = f'<Image name="image" value="$image"/><Header value="${label_config.REASON_FIELD}"/>'


def found(inside: str) -> LabelConfig:
    read = label_config.parse(f"<View>{inside}</View>")
    assert isinstance(read, LabelConfig), read
    return read


def faults(inside: str) -> list[str]:
    return [str(fault) for fault in label_config.class_mismatches(found(inside), CLASSES)]


def test_a_plain_config_has_neither_fault_nor_note() -> None:
    assert faults(IMAGE + MASK) == []
    assert found(IMAGE + MASK).notes == ()


SECOND = '<Image name="other" value="$second"/>'
FAULTS = {
    "a mask on a second image": (
        SECOND + f'<PolygonLabels name="p" toName="other">{LABELS}</PolygonLabels>',
        "which is not the image 'image'",
    ),
    "a mask tag on both images": (
        SECOND + f'<PolygonLabels name="p" toName="image,other">{LABELS}</PolygonLabels>',
        "on several images",
    ),
    "several pages": ('<Image name="pages" valueList="$pages"/>', "several pages a task"),
    "labels beside a brush": (
        f'<Labels name="l" toName="image">{LABELS}</Labels><Brush name="b" toName="image"/>',
        '<Brush name="b">, whose regions are not read',
    ),
    "a bitmask beside labels": ('<Bitmask name="b" toName="image"/>', "whose regions are not read"),
    "vectors": (
        f'<VectorLabels name="v" toName="image">{LABELS}</VectorLabels>',
        "whose regions are not read",
    ),
    "a wand for another image": (
        SECOND + '<MagicWand name="w" toName="other"/>',
        "which is not the image",
    ),
    "a repeater": (
        '<Repeater on="$images"><Image name="i{{idx}}" value="$images[{{idx}}]"/>'
        f'<BrushLabels name="b{{{{idx}}}}" toName="i{{{{idx}}}}">{LABELS}</BrushLabels></Repeater>',
        "inside a Repeater",
    ),
    "a name twice": (
        f'<PolygonLabels name="mask" toName="image">{LABELS}</PolygonLabels>',
        "2 tags named 'mask'",
    ),
    "no name": (
        f'<PolygonLabels toName="image">{LABELS}</PolygonLabels>',
        "without a name",
    ),
    "about nothing": (
        f'<PolygonLabels name="p" toName="gone">{LABELS}</PolygonLabels>',
        "on 'gone', which is not the image",
    ),
    "no labels": ('<PolygonLabels name="p" toName="image"/>', "without a Label"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_people_could_draw_and_is_not_read_is_a_fault_before_the_first_task(name: str) -> None:
    more, words = FAULTS[name]

    said = faults(IMAGE + MASK + more)

    assert len(said) == 1
    assert words in said[0]
    assert found(IMAGE + MASK + more).control.from_name == "mask"  # the loop goes on with it


NOTES = {
    "choices": ('<Choices name="c" toName="image"><Choice value="good"/></Choices>', "<Choices"),
    "text": ('<TextArea name="t" toName="image" perRegion="true"/>', '<TextArea name="t">'),
    "rating": ('<Rating name="r" toName="image"/>', '<Rating name="r">'),
    "points": (
        f'<KeyPointLabels name="k" toName="image">{LABELS}</KeyPointLabels>',
        "points hold no area",
    ),
    "a second image": (SECOND, "only the image 'image' is read; people also see <Image"),
    "pairs": (SECOND + '<Pairwise name="p" toName="image,other"/>', '<Pairwise name="p">'),
    "sound": (
        '<Audio name="a" value="$sound"/><Labels name="l" toName="a"><Label value="x"/></Labels>',
        '<Labels name="l">',
    ),
    "hypertext": (
        '<HyperText name="h" value="$page"/><HyperTextLabels name="x" toName="h">'
        '<Label value="x"/></HyperTextLabels>',
        '<HyperTextLabels name="x">',
    ),
    "paragraphs": ('<Paragraphs name="d" value="$talk"/>', '<Paragraphs name="d">'),
    "a film": (
        '<Video name="f" value="$film"/><VideoRectangle name="v" toName="f"/>',
        '<VideoRectangle name="v">',
    ),
    "something new": ('<ReactCode name="n" toName="image"/>', '<ReactCode name="n">'),
}


@pytest.mark.parametrize("name", NOTES)
def test_what_is_answered_beside_masks_is_a_note(name: str) -> None:
    more, words = NOTES[name]

    assert faults(IMAGE + MASK + more) == []
    assert any(words in note for note in found(IMAGE + MASK + more).notes)


LABELED = {
    "an alias": ('<Label value="Crop plant" alias="crop"/><Label value="weed"/>', "", "its alias"),
    "a label twice": (LABELS + '<Label value="crop"/>', "", "crop more than once"),
    "several labels a region": (LABELS, 'choice="multiple"', "several labels a region"),
    "no label needed": (LABELS, 'allowEmpty="true"', "regions without a label"),
    "labels from the task": (LABELS, 'value="$labels"', "from each task's data ($labels)"),
    "only labels from the task": ("", 'value="$labels"', "from each task's data ($labels)"),
    "labels with a hint": ('<Label value="crop" hint="x"/><Label value="weed"/>', "", ""),
    "labels in a view": (f"<View>{LABELS}</View>", "", ""),
}


@pytest.mark.parametrize("name", LABELED)
def test_labels_as_teams_write_them(name: str) -> None:
    labels, attributes, words = LABELED[name]
    inside = f'{IMAGE}<BrushLabels name="mask" toName="image" {attributes}>{labels}</BrushLabels>'

    assert faults(inside) == []
    notes = found(inside).notes
    assert any(words in note for note in notes) if words else notes == ()


def test_tags_nested_anywhere_in_any_case_and_without_a_target_are_read() -> None:
    inside = (
        '<View style="x"><Collapse><Panel value="p"><View><image NAME="image" Value="$photo"/>'
        f"</View></Panel></Collapse></View><brushlabels name='mask'>{LABELS}</brushlabels>"
    )

    read = found(inside)

    assert (read.control.from_name, read.control.to_name) == ("mask", "image")
    assert read.image_field == "photo"
    assert faults(inside) == []


def test_several_mask_tags_with_different_labels_are_one_set_of_classes() -> None:
    inside = (
        f'{IMAGE}<BitmaskLabels name="b" toName="image">{LABELS}</BitmaskLabels>'
        '<PolygonLabels name="p" toName="image"><Label value="crop"/></PolygonLabels>'
    )

    assert faults(inside) == []
    other_case = "Crop".join(inside.rsplit("crop", 1))
    assert "the label Crop, which config.toml does not know" in faults(other_case)[0]


def bomb(depth: int) -> str:
    entities = "".join(
        f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, depth)
    )
    return f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><View>&e{depth - 1};</View>'


HOSTILE = {
    "a bomb of entities": bomb(12),
    "a file of the server": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><View>&f;</View>',
    "ten megabytes": f"<View>{'<Header/>' * (10 * 2**20 // 9)}</View>",
    "a million tags": f"<View>{'<a/>' * (MAX_CHARS // 5)}</View>",
    "as deep as it goes": "<View>" * 60_000 + "</View>" * 60_000,
    "no XML": "{'image': 1}",
    "nothing": "",
    "a zero byte": "<View>\0</View>",
    "half a character": "<View>\ud800</View>",
    "text around it": f"x<View>{IMAGE}{MASK}</View>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_config_is_one_fault_at_once(name: str) -> None:
    started = time.process_time()

    read = label_config.parse(HOSTILE[name])

    assert isinstance(read, Fault)
    assert len(str(read)) < 1_000
    assert time.process_time() - started < 2


words = st.sampled_from(["View", "Image", "BrushLabels", "Label", "Labels", "Choices", "Repeater"])
attributes = st.dictionaries(
    st.sampled_from(["name", "toName", "value", "valueList", "alias", "choice", "x"]),
    st.sampled_from(["", "$image", "image", "mask", "a,b", "&amp;", "$"]),
    max_size=4,
)


@st.composite
def configs(draw: st.DrawFn, depth: int = 3) -> str:
    tag, given_attributes = draw(words), draw(attributes)
    inside = "".join(
        draw(configs(depth - 1)) for _ in range(draw(st.integers(0, 3)) if depth else 0)
    )
    said = "".join(f' {name}="{value}"' for name, value in given_attributes.items())
    return f"<{tag}{said}>{inside}</{tag}>"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(configs())
def test_a_made_up_config_is_read_or_a_fault(config: str) -> None:
    read = label_config.parse(config)

    if isinstance(read, LabelConfig):
        assert read.control.from_name
        assert read.image_field is not None
        list(label_config.class_mismatches(read, CLASSES))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_made_up_text_is_a_fault(text: str) -> None:
    try:
        read_tags(text)
    except InvalidLabelConfig:
        assert isinstance(label_config.parse(text), Fault)
