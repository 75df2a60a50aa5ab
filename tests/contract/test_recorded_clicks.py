"""Requests that a browser sent to the smart tool through a real Label Studio 1.23.2, recorded.

One person on one task, Auto-Accept off: a click, another, one with Alt held; the tick; a click of
another class, which was pending when the annotation was submitted; then the next task opened.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from connectors.label_studio.submitted_clicks import submitted_clicks
from daemon.smart_tool.click_answers import ClickAnswers
from daemon.store import FILE, Store
from tests.fakes.clicking import click_tool
from tests.fakes.labels import image

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures/clicks_1_23_2.json").read_text())
SIZE = (240, 320)


@pytest.fixture
def tool(tmp_path: Path) -> ClickAnswers:
    with Store(tmp_path / FILE) as store:
        for task in ("1", "2"):
            picture = np.full((*SIZE, 3), (120, 90, 60), np.uint8)
            picture[80:160, 60:140] = (40, 160, 40)
            path = tmp_path / f"{task}.png"
            Pillow.fromarray(picture).save(path)
            one = replace(image(task), path=path, height_px=SIZE[0], width_px=SIZE[1])
            store.add_image(one, task)
    return click_tool(tmp_path)


def regions(tool: ClickAnswers, request: dict[str, Any]) -> list[dict[str, Any]]:
    (result,) = tool.predict(json.dumps(request).encode())["results"]
    return list(result["result"])


def test_the_recorded_session_is_answered(tool: ClickAnswers) -> None:
    found = [regions(tool, request) for request in RECORDED["clicks"]]

    assert [len(one) for one in found] == [1, 1, 1, 1, 0]
    names = [one[0]["id"] for one in found[:4]]
    assert len(set(names[:3])) == 1
    assert names[3] != names[0]
    assert [one[0]["value"]["bitmasklabels"] for one in found[:4]] == [["crop"]] * 3 + [["weed"]]
    assert found[1][0]["value"] != found[2][0]["value"]  # the negative click cut
    assert tool.figures().without_mask == {"no click": 1}  # sent when the next task opens


def test_the_accepted_region_keeps_our_id_and_its_clicks_are_gone(tool: ClickAnswers) -> None:
    submitted = RECORDED["submitted"]
    names = [regions(tool, request)[0]["id"] for request in RECORDED["clicks"][:4]]

    (clicks,) = submitted_clicks([submitted], {1: "a key"})

    assert names[0] in clicks.regions
    pending = RECORDED["clicks"][3]["params"]["context"]["result"][0]["id"]
    assert clicks.points == (pending,)  # and the mask of it, names[3], is nowhere
    assert names[3] not in clicks.regions
