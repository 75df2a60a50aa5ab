"""With Auto-Accept on each request holds one click: near an accepted object it goes on with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.label_studio.label_config import LabelConfig, parse
from connectors.masks.regions import decode, encode
from daemon.domain import Mask
from daemon.smart_tool.continued_sessions import GO_ON_S
from tests.fakes.clicking import (
    CLASSES,
    LABEL_CONFIG,
    SIZE,
    PlainEngines,
    click_tool,
    clicked_store,
    point,
    predict,
)

FIRST, SECOND = point(50, 50), point(60, 60)  # into a square of 20 x 20 pixels, and beside it
Region = dict[str, Any]


class Tab:
    """A person whose browser accepts each suggestion at once, and what its draft holds."""

    def __init__(self, state: Path, *, continues: bool = True) -> None:
        clicked_store(state)
        self.seconds, self.engines = 0.0, PlainEngines()
        self.tool = click_tool(state, self.engines, lambda: self.seconds, continues=continues)

    def click(
        self, *points: Region, draft: tuple[Region, ...] = (), holder: str = "drafts", task: int = 3
    ) -> Region:
        asked = predict(*points, task=task)
        asked["tasks"][0][holder] = [{"result": list(draft)}]
        answer = self.tool.predict(json.dumps(asked).encode())
        (region,) = answer["results"][0]["result"]
        return dict(region)

    def clicks(self) -> int:
        """How many clicks the newest answer counted."""
        return len(self.engines.asked[-1].clicks)


@pytest.fixture
def tab(tmp_path: Path) -> Tab:
    return Tab(tmp_path)


def mask(*regions: Region) -> Mask:
    config = parse(LABEL_CONFIG)
    assert isinstance(config, LabelConfig)
    return decode(list(regions), CLASSES, config.control, SIZE, "the answer").mask


@pytest.mark.parametrize("holder", ["drafts", "annotations"])
def test_a_click_near_an_accepted_object_goes_on_with_it(tab: Tab, holder: str) -> None:
    first = tab.click(FIRST)
    tab.seconds += 6

    second = tab.click(SECOND, draft=(first,), holder=holder)
    tab.seconds += 6
    third = tab.click(point(52, 52), draft=(second,))

    assert first["id"] == second["id"] == third["id"]  # it replaces the region
    assert tab.clicks() == 3


def test_the_draft_may_have_written_the_mask_anew(tab: Tab) -> None:
    first = tab.click(FIRST)
    config = parse(LABEL_CONFIG)
    assert isinstance(config, LabelConfig)
    (anew,) = encode(mask(first), CLASSES, config.control, {})

    second = tab.click(SECOND, draft=({**anew, "id": first["id"]},))

    assert second["id"] == first["id"]


@pytest.mark.parametrize(
    "why", ["late", "far", "another label", "not in the draft", "changed", "several points",
            "another task", "damaged"],
)  # fmt: skip
def test_any_other_click_begins_an_object(tab: Tab, why: str) -> None:
    first = tab.click(FIRST)
    draft: tuple[Region, ...] = (first,)
    points, task = [SECOND], 3
    if why == "late":
        tab.seconds += GO_ON_S + 1
    elif why == "far":
        points = [point(95, 95)]
    elif why == "another label":
        points = [point(60, 60, "crop")]
    elif why == "not in the draft":
        draft = ()
    elif why == "changed":
        cut = mask(first).copy()
        cut[:25] = 0
        config = parse(LABEL_CONFIG)
        assert isinstance(config, LabelConfig)
        draft = tuple(
            {**one, "id": first["id"]} for one in encode(cut, CLASSES, config.control, {})
        )
    elif why == "several points":
        points = [SECOND, point(61, 61)]
    elif why == "another task":
        task = 4
    else:
        draft = ({"id": first["id"], "value": {}, "type": "bitmasklabels"},)

    second = tab.click(*points, draft=draft, task=task)

    assert second["id"] != first["id"]
    assert tab.clicks() == len(points)


def test_two_people_on_a_task_never_go_on_with_the_object_of_the_other(tab: Tab) -> None:
    ours = tab.click(FIRST)
    theirs = tab.click(point(51, 51))  # of somebody else: their draft lacks our region
    again = tab.click(SECOND, draft=(ours,))  # theirs is the newest now

    assert len({ours["id"], theirs["id"], again["id"]}) == 3


def test_it_is_off_unless_the_setting_says_so(tmp_path: Path) -> None:
    tab = Tab(tmp_path, continues=False)
    first = tab.click(FIRST)

    assert tab.click(SECOND, draft=(first,))["id"] != first["id"]
    assert tab.clicks() == 1


def test_a_wide_object_reaches_further(tab: Tab) -> None:
    first = tab.click(FIRST)  # columns 30 to 49, rows 20 to 39: 30 pixels from its middle are near
    columns = (40 + 29.0) / SIZE[1] * 100, (40 + 31.5) / SIZE[1] * 100

    beyond = tab.click(point(columns[1], 50), draft=(first,))
    tab.click(FIRST)
    within = tab.click(point(columns[0], 50), draft=(first,))

    assert (within["id"] == first["id"], beyond["id"] == first["id"]) == (True, False)
    assert np.array_equal(mask(first)[20:40, 30:50], np.full((20, 20), 2))
