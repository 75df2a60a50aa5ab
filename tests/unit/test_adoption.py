"""The line that shows why an image is asked is added to a label config; nothing else changes."""

from __future__ import annotations

import pytest

from connectors.label_studio import label_config
from connectors.label_studio.server_projects import insert_reason_tag
from daemon.domain import ClassSet
from daemon.domain.errors import ConnectorRefused

INSIDE = (
    '<Image name="i" value="$image"/>\n<BrushLabels name="b" toName="i"><Label value="Crop"/>'
    "</BrushLabels>"
)
CONFIGS = {
    "plain": f"<View>{INSIDE}</View>",
    "lines of Windows": f"<View>\r\n{INSIDE}\r\n</View>\r\n",
    "a comment with a tag before it": f"<!-- <View> -->\n<View>\n{INSIDE}</View>",
    "a declaration": f'<?xml version="1.0"?>\n<View>{INSIDE}</View>',
    "a bracket in an attribute": f'<View style="a > b" title=\'c > "d\'>{INSIDE}</View>',
    "small letters": f"<view>{INSIDE}</view>",
    "characters beyond ASCII": f"<View><!-- Rüben 杂草 -->{INSIDE}</View>",
    "a comment about it": f"<View><!-- Header -->{INSIDE}</View>",
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_rest_of_the_config_stays_byte_for_byte(name: str) -> None:
    text = insert_reason_tag(CONFIGS[name])

    newline = "\r\n" if "\r\n" in CONFIGS[name] else "\n"
    assert text.replace(f"{newline}  {label_config.REASON_TAG}", "", 1) == CONFIGS[name]
    found = label_config.parse(text)
    assert isinstance(found, label_config.LabelConfig)
    assert found.shows_reason
    assert found.labels == ("Crop",)


@pytest.mark.parametrize("text", ["", "<View/>", "no XML", "<View></View>", "<View>", "<!-- x"])
def test_a_config_without_a_place_for_it_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(ConnectorRefused, match=r"add <Header .* yourself"):
        insert_reason_tag(text)


def test_our_own_config_without_the_line_gets_it_back() -> None:
    ours = label_config.render(ClassSet(names=("soil", "crop")))
    without = ours.replace(f"  {label_config.REASON_TAG}\n", "", 1)

    assert insert_reason_tag(without) == ours
