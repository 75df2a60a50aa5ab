"""What a person does with a mouse on the map."""

from __future__ import annotations

import time

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains

from tests.browser.chromium import PATIENCE_S, click, wait_for

DRAWN = "return document.documentElement.dataset.map"
SOON_S = 10.0
REACH_PX = (180, 140)  # of the lasso, from the middle of the map to its sides


def lasso(browser: webdriver.Chrome, taken: str) -> None:
    """Draw a lasso around the middle of the map. taken: a script, whether it took what lies there.

    A browser that has much to do may lose a part of the way of the mouse: then all is shown again,
    and the lasso is drawn once more.
    """
    deadline = time.monotonic() + 3 * PATIENCE_S
    while True:
        _draw(browser)
        soon = time.monotonic() + SOON_S
        while time.monotonic() < soon:
            if browser.execute_script(taken):
                return
            time.sleep(0.1)
        title = browser.execute_script(
            "return document.getElementById('selection-title').textContent"
        )
        assert time.monotonic() < deadline, title
        click(browser, "#whole")
        wait_for(browser, DRAWN, "drawn")


def _draw(browser: webdriver.Chrome) -> None:
    frame = browser.find_element("id", "map-frame")
    click(browser, "#lasso")
    _until_the_map_has_heard(browser)
    x, y = REACH_PX
    pen = ActionChains(browser, duration=80)
    pen.move_to_element_with_offset(frame, -x, -y).click_and_hold()
    for corner in ((x, -y), (x, y), (-x, y), (-x, 10 - y)):
        pen.move_to_element_with_offset(frame, *corner)
    pen.release().perform()
    click(browser, "#move")


def _until_the_map_has_heard(browser: webdriver.Chrome) -> None:
    """The frame of the map takes messages in their order: when it has coloured the points again, it
    has taken up the lasso too."""
    browser.execute_script("document.getElementById('colour').dispatchEvent(new Event('change'))")
    wait_for(browser, DRAWN, "drawn")
