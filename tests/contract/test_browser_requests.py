"""What a browser with Label Studio 1.23.2 sends while somebody clicks, played request by request.

The sequences are those that were seen in a real one (Chromium, both with Auto-Accept and without):
which points a request holds after which action, and what the task holds beside them.
tests/browser/test_smart_tool.py clicks in a real one.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.label_studio.label_config import LabelConfig, parse
from connectors.masks.regions import decode, encode
from daemon.domain import Mask
from daemon.smart_tool.click_answers import VERSION, ClickAnswers
from tests.fakes.clicking import (
    CLASSES,
    LABEL_CONFIG,
    SIZE,
    click_tool,
    clicked_store,
    point,
    predict,
)

Region = dict[str, Any]
ON, INSIDE, AGAIN = point(45, 40), point(55, 60), point(50, 50)  # in a square of the picture
OUT = point(48, 45, is_positive=False)  # with Alt held


class Browser:
    """One open task in one tab: the points that it would send, and what its draft holds."""

    def __init__(self, tool: ClickAnswers, *, auto_accept: bool = False) -> None:
        self._tool, self._auto_accept = tool, auto_accept
        self.points: list[Region] = []
        self.suggested: Region | None = None
        self.regions: dict[str, Region] = {}
        self.saved: list[Region] = []  # by the last autosave
        self.predictions: list[Region] = []

    def click(self, one: Mapping[str, Any]) -> Region | None:
        """A click on free image or inside the suggestion; what is suggested then."""
        self.points.append(dict(one))
        sent = predict(*self.points)
        task = sent["tasks"][0]
        task["drafts"] = [{"id": 1, "user": "ada", "result": copy.deepcopy(self.saved)}]
        task["predictions"] = [{"id": 9, "result": copy.deepcopy(self.predictions)}]
        answer = json.loads(json.dumps(self._tool.predict(json.dumps(sent).encode())))
        (result,) = answer["results"]
        assert result["model_version"] == VERSION
        self.suggested = next(iter(result["result"]), None)
        if self._auto_accept and self.suggested:
            self.accept()
        return self.suggested

    def accept(self) -> None:
        """The suggestion replaces the region with its id; its points go."""
        assert self.suggested is not None
        self.regions[self.suggested["id"]] = self.suggested
        self.points = []

    def autosave(self) -> None:
        self.saved = [*self.regions.values(), *self.points]

    def mask(self, *regions: Region) -> Mask:
        config = parse(LABEL_CONFIG)
        assert isinstance(config, LabelConfig)
        return decode(list(regions), CLASSES, config.control, SIZE, "the page").mask


@pytest.fixture
def tool(tmp_path: Path) -> ClickAnswers:
    clicked_store(tmp_path)
    return click_tool(tmp_path)


def test_three_clicks_and_a_negative_one_are_one_object(tool: ClickAnswers) -> None:
    tab = Browser(tool)

    found = [tab.click(one) for one in (ON, INSIDE, AGAIN, OUT)]

    assert all(found)
    assert len({one["id"] for one in found if one}) == 1
    assert found[-1] is not None
    before, after = tab.mask(found[2] or {}), tab.mask(found[-1])
    assert before[27, 38] == 2
    assert after[27, 38] == 0  # where it was clicked with Alt held
    tab.accept()
    assert list(tab.regions) == [found[0]["id"]] if found[0] else False


def test_a_negative_first_click_suggests_nothing_and_the_next_does(tool: ClickAnswers) -> None:
    tab = Browser(tool)

    assert tab.click(OUT) is None
    assert tab.click(ON) is not None


def test_an_undone_click_leaves_the_answer_before_it(tool: ClickAnswers) -> None:
    tab = Browser(tool)
    first = tab.click(ON)
    tab.click(OUT)
    tab.points = []  # undone twice, then made again

    assert tab.click(ON) == first


@pytest.mark.parametrize("saved", [False, True])
def test_the_next_object_never_replaces_the_accepted_one(tool: ClickAnswers, saved: bool) -> None:
    """Also within the five seconds before the autosave, in which the request lacks the region."""
    tab = Browser(tool)
    tab.click(ON)
    tab.accept()
    if saved:
        tab.autosave()

    tab.click(INSIDE)
    tab.accept()

    assert len(tab.regions) == 2


def test_an_accepted_region_that_was_changed_by_hand_stays(tool: ClickAnswers) -> None:
    """The same first click again, as after an undo: its id is taken by now."""
    tab = Browser(tool)
    tab.click(ON)
    tab.accept()
    (name,) = tab.regions
    config = parse(LABEL_CONFIG)
    assert isinstance(config, LabelConfig)
    half = np.zeros(SIZE, np.uint8)
    half[20:30, 30:50] = 2
    (erased,) = encode(half, CLASSES, config.control, {})
    tab.regions[name] = {**erased, "id": name}
    tab.autosave()

    tab.click(ON)
    tab.accept()

    assert len(tab.regions) == 2
    assert np.array_equal(tab.mask(tab.regions[name]), half)


def test_points_of_an_object_that_was_never_accepted_do_not_count_for_another_label(
    tool: ClickAnswers,
) -> None:
    tab = Browser(tool)
    left = tab.click(ON)

    other = tab.click({**INSIDE, "value": {**INSIDE["value"], "keypointlabels": ["crop"]}})

    assert left is not None
    assert other is not None
    assert other["id"] != left["id"]
    assert set(np.unique(tab.mask(other))) == {0, 1}


def test_the_regions_of_a_prediction_are_never_replaced(tool: ClickAnswers) -> None:
    tab = Browser(tool)
    first = tab.click(ON)
    assert first is not None
    tab.points, tab.predictions = [], [first]

    again = tab.click(ON)

    assert again is not None
    assert again["id"] != first["id"]


def test_with_auto_accept_each_click_is_an_object(tool: ClickAnswers) -> None:
    """The second comes after Escape and a new choice of the label, alone in its request."""
    tab = Browser(tool, auto_accept=True)

    tab.click(ON)
    tab.autosave()
    tab.click(INSIDE)

    assert tab.points == []
    assert len(tab.regions) == 2


def test_what_was_submitted_before_it_was_accepted_has_no_sign(tool: ClickAnswers) -> None:
    """Clicks that come back from storage when the annotation is opened again."""
    tab = Browser(tool)
    stored = {name: value for name, value in ON.items() if name != "is_positive"}

    assert tab.click(stored) == Browser(tool).click(ON)
