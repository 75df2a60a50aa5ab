"""What a browser sends when people click, and a store with pictures to click on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from connectors.label_studio.label_config import render
from connectors.label_studio.smart_tags import with_smart_tag
from daemon.clicks.click import ClickQuestion
from daemon.domain import ClassSet
from daemon.domain.clock import utc_now
from daemon.smart_tool.click_answers import (
    AskedObject,
    ClickAnswers,
    FindsObjects,
    FoundObject,
)
from daemon.smart_tool.clicked_images import ClickedImages
from daemon.smart_tool.kept_suggestions import FOLDER, KeptSuggestions
from daemon.store import FILE, Store
from tests.fakes.labels import image
from tests.fakes.same_colour import SameColour

CLASSES = ClassSet(names=("soil", "crop", "weed"))
LABEL_CONFIG = with_smart_tag(render(CLASSES))
SIZE = (60, 80)


def point(x: Any = 50.0, y: Any = 50.0, label: str | None = "weed", **more: Any) -> dict[str, Any]:
    """A keypoint as Label Studio 1.23.2 sends it; x, y: percent."""
    value: dict[str, Any] = {"x": x, "y": y, "width": 0.165}
    if label is not None:
        value |= {"keypointlabels": [label], "labels": [label]}
    return {
        "type": "keypointlabels",
        "from_name": "click",
        "to_name": "image",
        "original_width": SIZE[1],
        "original_height": SIZE[0],
        "is_positive": True,
        "id": f"p-{x}-{y}",
        "origin": "manual",
        "value": value,
        **more,
    }


def predict(*regions: Any, task: Any = 3, **more: Any) -> dict[str, Any]:
    """The body of a click."""
    return {
        "tasks": [{"id": task, "data": {}, "annotations": [], "drafts": [], "predictions": []}],
        "project": "1.1795340471",
        "label_config": LABEL_CONFIG,
        "params": {"login": None, "password": None, "context": {"result": list(regions)}},
        **more,
    }


def body(*regions: Any, **more: Any) -> bytes:
    """The same as bytes."""
    return json.dumps(predict(*regions, **more)).encode()


def clicked_store(state: Path, count: int = 2) -> None:
    """A store whose tasks 3, 4, ... show pictures of SIZE: a square of one colour on soil."""
    with Store(state / FILE) as store:
        for number in range(count):
            path = state / f"{number}.png"
            picture = np.full((*SIZE, 3), (90, 60, 40), np.uint8)
            picture[20:40, 30 + number : 50 + number] = (40, 160 + number, 50)
            Pillow.fromarray(picture).save(path)
            one = replace(image(f"image {number}"), path=path)
            one = replace(one, height_px=SIZE[0], width_px=SIZE[1])
            store.add_image(one, str(3 + number))


def click_tool(
    state: Path,
    engines: FindsObjects | None = None,
    seconds: Callable[[], float] = lambda: 0.0,
    *,
    project: int = 1,
    secret: str = "secret",
    continues: bool = False,
) -> ClickAnswers:
    """The smart tool of a state folder. engines: `PlainEngines` if there are none."""
    return ClickAnswers(
        project=project,
        secret=secret,
        images=ClickedImages(state),
        engines=engines or PlainEngines(),
        suggestions=KeptSuggestions(state / FOLDER, utc_now),
        seconds=seconds,
        continues=continues,
    )


class PlainEngines:
    """Finds objects by `SameColour`, without deadline or choice. asked: everything so far."""

    def __init__(self) -> None:
        self.asked: list[AskedObject] = []
        self.failure: Exception | None = None

    def find(self, asked: AskedObject) -> FoundObject:
        """See daemon.smart_tool.click_answers.FindsObjects."""
        self.asked.append(asked)
        if self.failure is not None:
            raise self.failure
        question = ClickQuestion(image=asked.picture, clicks=asked.clicks)
        found = SameColour().segment(question)
        return FoundObject(probability=found, engine=SameColour.name)
