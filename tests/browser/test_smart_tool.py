"""A person in a real browser on a real Label Studio: three clicks make a mask, one cuts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from selenium.webdriver import Chrome

from connectors.label_studio.smart_tags import with_smart_tag
from connectors.masks.regions import decode
from daemon.config.loading import Config
from daemon.config.smart_tool_secret import smart_tool_secret
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.domain import Mask
from daemon.domain.clock import steady_s
from daemon.pixels import Picture
from daemon.smart_tool.click_answers import ClickAnswers
from daemon.smart_tool.connection import SmartToolConnection
from daemon.smart_tool.opening import open_smart_tool
from daemon.store import FILE, Store
from daemon.web.server import serving
from tests.browser.clicking_page import ClickingPage
from tests.contract.rigs import CLASSES, CONTROL, LabelStudioRig, Server, folder_source_rig
from tests.fakes.versions import version
from tests.live.live_server import MakeUser

pytestmark = [pytest.mark.live, pytest.mark.browser, pytest.mark.long]

SIZE = (240, 320)
CROP = 1


class Tool:
    """Label Studio with two images of a green square, connected to the smart tool of a daemon."""

    def __init__(self, home: Path, rig: LabelStudioRig, opened: ExitStack) -> None:
        self.rig, self.suggested = rig, list[Mask]()
        settings = {"label_studio": {"project": rig.project}, "smart_tool": {"enabled": True}}
        self.config = Config.model_validate({"home": home, **settings})
        self._add_tag()
        self.tasks = self._ask()
        self.smart_tool = opened.enter_context(open_smart_tool(self.config))
        address = opened.enter_context(serving(dict, smart_tool=_Watched(self, self.smart_tool)))
        target = f"{address}/smart-tool"
        connection = SmartToolConnection(target, smart_tool_secret(self.config), steady_s)
        with Store(self.config.state / FILE) as store:
            connection.keep(rig.connector, store, datetime.now(UTC))

    def answered(self) -> int:
        return len(self.suggested)

    def arrived(self) -> list[Mask]:
        """The masks that the daemon reads from Label Studio."""
        keys = {image.key: SIZE for image in self.rig.images.values()}
        found = self.rig.connector.changes(None, keys)
        assert not found.faults
        return [annotation.mask for annotation in found.annotations]

    def _add_tag(self) -> None:
        path = f"api/projects/{self.rig.project}/"
        text = self.rig.api.get(path)["label_config"]
        self.rig.api.patch(path, {"label_config": with_smart_tag(text)})

    def _ask(self) -> dict[int, str]:
        """Two images become tasks without a prediction, and the store knows them."""
        asks = self.rig.asks(
            self.rig.keys[:2], dict.fromkeys(self.rig.keys, np.zeros(SIZE, np.uint8))
        )
        tasks = dict(self.rig.connector.push(asks, "push-1", version(1, 0)))
        self.rig.connector.rerank(
            version(1, 0), [replace(ask, task=tasks[ask.image.id]) for ask in asks]
        )
        assert self.rig.source is not None
        with Store(self.config.state / FILE) as store:
            for ask in asks:
                path = self.rig.source.root / ask.image.key
                Pillow.fromarray(field_with_square()).save(path)
                store.add_image(replace(ask.image, path=path), tasks[ask.image.id])
        return tasks


class _Watched:
    """The smart tool; keeps the masks that it suggests."""

    def __init__(self, tool: Tool, answers: ClickAnswers) -> None:
        self._tool, self._answers, self.secret = tool, answers, answers.secret
        self.setup, self.figures = answers.setup, answers.figures

    def predict(self, content: bytes) -> Any:
        answer = self._answers.predict(content)
        context = json.loads(content)["params"]["context"]
        if context and context["result"]:
            result = answer["results"][0]["result"]
            self._tool.suggested.append(decode(result, CLASSES, CONTROL, SIZE, "answer").mask)
        return answer


def field_with_square() -> Picture:
    """Soil with a green square in rows 80 to 159 and columns 60 to 139."""
    picture = np.full((*SIZE, 3), (120, 90, 60), np.uint8)
    picture[80:160, 60:140] = (40, 160, 40)
    noise = np.random.default_rng(0).integers(0, 12, picture.shape)
    return (picture + noise).astype(np.uint8)


@pytest.fixture
def tool(label_studio: LabelStudioServer, annotator: MakeUser, tmp_path: Path) -> Iterator[Tool]:
    files, token = Path(label_studio.folder) / "files", label_studio.credentials.token
    with ExitStack() as opened:
        server = opened.enter_context(Server(label_studio.url, token, files, annotator))
        yield Tool(tmp_path, folder_source_rig(server, SIZE), opened)


def test_three_clicks_make_a_mask_and_a_negative_one_cuts_it(
    label_studio: LabelStudioServer, tool: Tool, browser: Chrome
) -> None:
    square = np.zeros(SIZE, bool)
    square[80:160, 60:140] = True
    page = ClickingPage(browser, label_studio, tool.answered)

    page.sign_in()
    page.label_all_tasks(tool.rig.project)
    page.turn_smart_tool_on()
    page.click("crop", 75 / 320, 90 / 240)
    page.click("crop", 130 / 320, 150 / 240)
    page.click("crop", 72 / 320, 150 / 240)
    whole = tool.suggested[-1] == CROP
    page.click("crop", 100 / 320, 150 / 240, alt=True)
    cut = tool.suggested[-1] == CROP
    page.accept()
    page.submit()
    (arrived,) = page.wait(tool.arrived)

    assert np.sum(whole & square) / np.sum(whole | square) > 0.9
    assert not cut[150, 100]
    assert cut[90, 75]
    assert cut[150, 130]
    assert 0 < np.sum(whole & ~cut) < np.sum(whole)
    assert np.array_equal(arrived == CROP, cut)
    assert tool.smart_tool.figures().negative_share
