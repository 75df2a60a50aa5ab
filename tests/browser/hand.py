"""What a person does with a mouse on the map."""

from __future__ import annotations

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains

REACH_PX = (180, 140)  # of the lasso, from the middle of the map to its sides


def lasso(browser: webdriver.Chrome) -> None:
    """Draw a lasso around the middle of the map."""
    frame = browser.find_element("id", "map-frame")
    browser.find_element("id", "lasso").click()
    x, y = REACH_PX
    pen = ActionChains(browser, duration=80)
    pen.move_to_element_with_offset(frame, -x, -y).click_and_hold()
    for corner in ((x, -y), (x, y), (-x, y), (-x, 10 - y)):
        pen.move_to_element_with_offset(frame, *corner)
    pen.release().perform()
    browser.find_element("id", "move").click()
