"""A person in a real browser: corrects a prediction with the brush, and submits over a re-rank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from daemon.demo.server import LabelStudioServer
from daemon.domain import Annotation, Changes
from tests.contract.rigs import LabelStudioRig, Server, folder_source_rig
from tests.live.live_server import MakeUser

pytestmark = [pytest.mark.live, pytest.mark.browser]

SIZE = (240, 320)
PATIENCE_S = 60
CROP, WEED = 1, 2
T = TypeVar("T")


@pytest.fixture
def tool(label_studio: LabelStudioServer, annotator: MakeUser) -> LabelStudioRig:
    files = Path(label_studio.folder) / "files"
    token = label_studio.credentials.token
    return folder_source_rig(Server(label_studio.url, token, files, annotator), SIZE)


class Page:
    """What a person sees and clicks."""

    def __init__(self, browser: Chrome, server: LabelStudioServer) -> None:
        self._browser, self._server = browser, server
        browser.set_window_size(1400, 900)

    def sign_in(self) -> None:
        self._browser.get(f"{self._server.url}/user/login/")
        self._browser.find_element(By.NAME, "email").send_keys(self._server.credentials.username)
        password = self._browser.find_element(By.NAME, "password")
        password.send_keys(f"{self._server.credentials.password}\n")
        self.wait(lambda: "/user/login" not in self._browser.current_url)

    def label_all_tasks(self, project: int) -> None:
        self._browser.get(f"{self._server.url}/projects/{project}/data")
        self.see("//button[contains(., 'Label All Tasks')]").click()
        self.see("//button[@aria-label='Close modal']").click()  # the instructions

    def pick(self, label: str) -> None:
        self.see(f"//*[contains(@class, 'lsf-label__text') and text()='{label}']").click()

    def stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one point to another; (x, y) as shares of the image."""
        canvas = self._largest_canvas()
        width, height = canvas.size["width"], canvas.size["height"]
        (x0, y0), (x1, y1) = (((x - 0.5) * width, (y - 0.5) * height) for x, y in (start, end))
        drag = ActionChains(self._browser).move_to_element_with_offset(canvas, int(x0), int(y0))
        drag = drag.click_and_hold()
        for step in range(1, 11):
            x, y = x0 + (x1 - x0) * step / 10, y0 + (y1 - y0) * step / 10
            drag = drag.move_to_element_with_offset(canvas, int(x), int(y))
        drag.release().perform()

    def regions(self) -> int:
        return len(self._browser.find_elements(By.CSS_SELECTOR, ".lsf-outliner-item"))

    def submit(self) -> None:
        self.see("//button[@aria-label='Submit current annotation']").click()

    def reads(self, text: str) -> None:
        self.see(f"//*[text()='{text}']")

    def see(self, path: str) -> WebElement:
        def shown() -> WebElement | None:
            found = self._browser.find_elements(By.XPATH, path)
            return next((one for one in found if one.is_displayed() and one.is_enabled()), None)

        element = self.wait(shown)
        assert element is not None
        return element

    def wait(self, until: Callable[[], T]) -> T:
        return WebDriverWait(self._browser, PATIENCE_S, 0.2).until(lambda _: until())

    def _largest_canvas(self) -> WebElement:
        found = self._browser.find_elements(By.TAG_NAME, "canvas")
        return max(found, key=lambda one: one.size["width"] * one.size["height"])


def answers(tool: LabelStudioRig, page: Page, count: int) -> dict[str, Annotation]:
    """The annotations by image, once there are `count`."""

    def found() -> Changes | None:
        changes = tool.connector.changes(None, tool.sizes)
        return changes if len(changes.annotations) + len(changes.faults) >= count else None

    changes = page.wait(found)
    assert changes is not None
    assert not changes.faults
    return {one.image_key: one for one in changes.annotations}


def test_a_brush_stroke_on_a_prediction_and_a_submit_over_a_rerank_are_read_right(
    label_studio: LabelStudioServer, tool: LabelStudioRig, browser: Chrome
) -> None:
    predicted = np.zeros(SIZE, np.uint8)
    predicted[20:60, 20:80] = CROP
    asks = tool.asks(tool.keys[:3], dict.fromkeys(tool.keys, predicted))
    tasks = tool.connector.push(asks, "push-1", "1.0")
    asks = [replace(ask, task=tasks[ask.image.id]) for ask in asks]
    tool.connector.rerank("1.0", asks)
    page = Page(browser, label_studio)

    page.sign_in()
    page.label_all_tasks(tool.project)
    page.reads("image 0")  # the reason stands above the picture
    page.pick("weed")
    page.stroke((0.5, 0.75), (0.9, 0.75))
    page.wait(lambda: page.regions() == 2)
    page.submit()
    page.reads("image 1")
    drawn = answers(tool, page, 1)[tool.keys[0]]

    turned = [replace(ask, position=3 - ask.position) for ask in asks]
    tool.connector.rerank("1.1", turned)  # while the tab shows image 1
    page.submit()
    page.reads("image 2")
    over = answers(tool, page, 2)[tool.keys[1]]

    assert drawn.mask[180, 224] == WEED
    assert 200 < np.count_nonzero(drawn.mask == WEED) < 10_000
    assert not drawn.mask[100:140].any()
    assert np.array_equal(drawn.mask[:100], predicted[:100])  # what was not touched stays as it was
    assert drawn.corrected is True
    assert np.array_equal(over.mask, predicted)
    assert over.corrected is False
