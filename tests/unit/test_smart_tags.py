"""The tag that people click with: found missing, and added to whatever config they have."""

from __future__ import annotations

import pytest

from connectors.label_studio import label_config
from connectors.label_studio.smart_tags import smart_faults, with_smart_tag
from daemon.domain import ClassSet
from daemon.domain.errors import ConnectorRefused

CLASSES = ClassSet(names=("soil", "crop", 'a "weed" & more'), ignore_label="unsure")
OURS = label_config.render(CLASSES)
BRUSH = """<View>\r
  <Image name="photo" value="$url"/>\r
  <BrushLabels toName="photo" name='paint' smart="true">\r
    <Label value="crop" background="green"/>\r
    <Label value="weed"/>\r
  </BrushLabels>\r
</View>"""
POLYGON = """<View><Image name="i" value="$u"/>
<PolygonLabels name="p" toName="i"><Label value="crop"/></PolygonLabels></View>"""
OTHER_POINTS = OURS.replace(
    "</View>",
    '<KeyPointLabels name="k" toName="image"><Label value="eye"/></KeyPointLabels></View>',
)


@pytest.mark.parametrize("config", [OURS, BRUSH], ids=["ours", "theirs"])
def test_the_tag_is_added_and_nothing_else_changes(config: str) -> None:
    (fault,) = smart_faults(config)

    text = with_smart_tag(config)

    before, after = label_config.parse(config), label_config.parse(text)
    assert smart_faults(text) == ()
    assert with_smart_tag(text) == text
    assert "KeyPointLabels" in fault.expected
    assert isinstance(before, label_config.LabelConfig)
    assert isinstance(after, label_config.LabelConfig)
    assert (after.control, after.labels, after.colours, after.notes, after.faults) == (
        before.control,
        before.labels,
        before.colours,
        before.notes,
        before.faults,
    )
    assert text.index('smart="false"') < text.index("KeyPointLabels")


def test_the_added_lines_have_the_line_ends_of_the_config() -> None:
    text = with_smart_tag(BRUSH)

    assert text.count("\r\n") == text.count("\n") == BRUSH.count("\n") + 4
    assert """<BrushLabels toName="photo" name='paint' smart="false">""" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace(' smart="false"', "", 1), "takes the clicks"),
        (lambda text: text.replace('<Label value="crop" background="#', '<Label value="x" b="#', 1)
         .replace('<Label value="crop"', '<Label value="x"', 0), "without a label for x"),
        (lambda text: text.replace('smart="true" smartOnly', 'smart="no" smartOnly'), "no tag"),
    ],
)  # fmt: skip
def test_a_config_that_sends_no_clicks_says_why(change, words: str) -> None:
    (fault,) = smart_faults(change(with_smart_tag(OURS)))

    assert words in fault.got


@pytest.mark.parametrize("config", [POLYGON, OTHER_POINTS, "no config"])
def test_a_config_that_cannot_have_the_tag_is_refused(config: str) -> None:
    with pytest.raises(ConnectorRefused, match="cannot be added"):
        with_smart_tag(config)


def test_points_that_are_no_clicks_are_noted_as_before() -> None:
    found = label_config.parse(OTHER_POINTS)

    assert isinstance(found, label_config.LabelConfig)
    assert any("points hold no area" in note for note in found.notes)
