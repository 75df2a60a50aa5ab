"""What a person finds on the pages of a project that we made: classes, reasons, guide, columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from daemon.demo.label_studio_server import LabelStudioServer
from daemon.domain import ClassSet
from tests.browser.drawing_page import DrawingPage
from tests.browser.test_correction import CROP, SIZE
from tests.contract.rigs import LabelStudioRig, Server, folder_source_rig
from tests.fakes.versions import version
from tests.live.live_server import MakeUser

pytestmark = [pytest.mark.live, pytest.mark.browser]

NARROW_PX = 860
CLASSES = ClassSet(names=("soil", "crop", "broadleaf_weed", "grass_weed"), ignore_label="unsure")


@pytest.fixture
def tool(label_studio: LabelStudioServer, annotator: MakeUser) -> Iterator[LabelStudioRig]:
    """A project whose two tasks are asked, with a mask and a long reason."""
    files = Path(label_studio.folder) / "files"
    token = label_studio.credentials.token
    with Server(label_studio.url, token, files, annotator) as server:
        made = folder_source_rig(server, SIZE, CLASSES)
        predicted = np.zeros(SIZE, np.uint8)
        predicted[20:60, 20:80] = CROP
        words = "cycle 1, hybrid: more uncertain than 97% of the pool, and unlike what is labeled"
        asks = made.asks(made.keys[:2], dict.fromkeys(made.keys, predicted))
        asks = [replace(ask, reason=words) for ask in asks]
        tasks = made.connector.push(asks, "push-1", version(1, 1))
        made.connector.rerank(
            version(1, 1), [replace(ask, task=tasks[ask.image.id]) for ask in asks]
        )
        yield made


@pytest.fixture
def page(browser: Chrome, label_studio: LabelStudioServer) -> DrawingPage:
    page = DrawingPage(browser, label_studio)
    page.sign_in()
    return page


def test_in_a_narrow_window_every_class_can_be_picked_without_scrolling(
    page: DrawingPage, tool: LabelStudioRig, browser: Chrome
) -> None:
    browser.set_window_size(NARROW_PX, 900)
    page.label_all_tasks(tool.project)
    page.wait(lambda: page.regions() == 1)

    def all_on_top() -> bool:
        found = browser.find_elements(By.CSS_SELECTOR, ".lsf-label")
        return len(found) == len(CLASSES.drawn) and all(on_top(browser, one) for one in found)

    page.wait(all_on_top)  # once the instructions have gone


def test_the_id_of_a_region_fits_into_its_panel(
    page: DrawingPage, tool: LabelStudioRig, browser: Chrome
) -> None:
    page.label_all_tasks(tool.project)
    page.wait(lambda: page.regions() == 1)
    page.choose(0)

    def fits() -> bool:
        text = page.see(f"//*[text()='{version(1, 1)}-1-0']").rect
        one_line = text["height"] < 30
        return one_line and text["x"] + text["width"] <= browser.get_window_size()["width"]

    page.wait(fits)


def test_the_guide_says_what_an_empty_page_and_an_empty_queue_mean(
    page: DrawingPage, tool: LabelStudioRig, browser: Chrome
) -> None:
    tool.connector.repair(version(1, 1), [], 10)
    browser.get(f"{page.url}/projects/{tool.project}/data")
    page.click_on("//button[contains(., 'Label All Tasks')]")

    said = page.see("//*[contains(@class, 'maskloop-guide')]").text
    assert "The first images come without a mask, since there is no model yet" in said
    assert "No More Tasks Left means that the model is learning" in said
    assert "Come back in about 10 minutes" in said


def test_the_data_manager_shows_the_reason_and_hides_our_own_columns(
    page: DrawingPage, tool: LabelStudioRig, browser: Chrome
) -> None:
    browser.get(f"{page.url}/projects/{tool.project}/data")
    page.see("//*[contains(text(), 'more uncertain than 97% of the pool')]")

    def ours() -> set[str]:
        words = browser.find_element(By.TAG_NAME, "body").text.split()
        return {word for word in words if "maskloop" in word}

    page.wait(lambda: ours() == {"maskloop_reason"})


def on_top(browser: Chrome, element: WebElement) -> bool:
    """Whether a click in the middle of the element would hit it."""
    script = (
        "const box = arguments[0].getBoundingClientRect();"
        "const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);"
        "return hit !== null && (arguments[0].contains(hit) || hit.contains(arguments[0]));"
    )
    return bool(browser.execute_script(script, element))
