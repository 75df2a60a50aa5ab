"""What a person does with a mouse on the map."""

from __future__ import annotations

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains

from tests.browser.chromium import click, wait_for

REACH_PX = (180, 140)  # of the lasso, from the middle of the map to its sides


def lasso(browser: webdriver.Chrome) -> None:
    """Draw a lasso around the middle of the map."""
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
    wait_for(browser, "return document.documentElement.dataset.map", "drawn")
