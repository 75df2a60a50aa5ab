"""A real Chromium draws the map by software, and a person works with it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from daemon.config.loading import Config
from daemon.stages.commands.execution import carry_out_commands
from tests.browser.chromium import severe, wait_for
from tests.browser.conftest import Serve, SignIn
from tests.browser.hand import lasso
from tests.fakes.chosen_cycles import IMAGES, choose_all, made, opened
from tests.fakes.drawn_map import write_map

pytestmark = [pytest.mark.browser, pytest.mark.long]

DRAWN = "return document.documentElement.dataset.map === 'drawn'"
TITLE = "return document.getElementById('selection-title').textContent"
ROWS = "return document.querySelectorAll('#selected tr').length"
# how many pixels of the middle of a picture have a colour like the given one
COLOURED = """
const [source, red, green, blue] = arguments, done = arguments[4], picture = new Image();
picture.onload = () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  const pen = canvas.getContext("2d");
  pen.drawImage(picture, 0, 0);
  const { data } = pen.getImageData(0, 0, picture.width, picture.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4)
    found += Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue) < 80;
  done(found);
};
picture.src = "data:image/png;base64," + source;
"""  # noqa: E501 - JavaScript


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made_config = made(tmp_path)
    choose_all(made_config)
    write_map(made_config, "0000-embed", "0001-embed")
    return made_config


def test_a_lead_sees_selects_and_excludes_images(
    browser: webdriver.Chrome, config: Config, serve: Serve, sign_in: SignIn
) -> None:
    sign_in(serve(config), config, "/map")
    wait_for(browser, DRAWN, True)

    # the points of labeled images are painted in the colour that the legend says
    colour = browser.execute_script(
        "return getComputedStyle(document.documentElement).getPropertyValue('--class-1')"
    ).strip()
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    deadline, painted = time.monotonic() + 30, 0
    while painted < 50:
        assert time.monotonic() < deadline, f"{painted} pixels"
        shot = browser.find_element("id", "map-frame").screenshot_as_base64
        painted = browser.execute_async_script(COLOURED, shot, *channels)

    # a lasso takes those in the middle, as a list
    lasso(browser)
    wait_for(browser, f"{ROWS} > 4", True)
    inside = int(browser.execute_script(TITLE).split()[0])
    assert 4 < inside < IMAGES

    # a line of the legend does the same for the keyboard
    browser.execute_script("document.querySelector('#legend button').focus()")
    browser.switch_to.active_element.send_keys("\n")
    wait_for(browser, f"{TITLE} !== '{inside} images are selected'", True)

    # an image, and those that are most like it
    wait_for(browser, f"{ROWS} > 0", True)
    browser.find_element("css selector", "#selected button").click()
    wait_for(browser, "return document.querySelectorAll('#similar li').length", 12)
    assert browser.execute_script("return document.activeElement.id") == "image-name"
    browser.find_element("id", "select-similar").click()
    wait_for(browser, TITLE, f"{min(IMAGES, 51)} images are selected")
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not browser.find_element("id", "image-facts").is_displayed()

    # found by name, left out by a command that the next tick carries out
    browser.find_element("id", "search-text").send_keys("field47\n")
    wait_for(browser, TITLE, "1 image is selected")
    browser.find_element("css selector", "[data-verb=exclude]").click()
    browser.find_element("id", "reason-text").send_keys("blurred\n")
    _tick_until_carried_out(config)
    wait_for(browser, "return document.getElementById('selection-answer').textContent",
         "1 image left out of the pool")  # fmt: skip

    assert [line for line in severe(browser) if "thumbnail.jpg" not in line] == []


def _tick_until_carried_out(config: Config) -> None:
    """As the next tick does, once the page has sent the command."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with opened(config) as context:
            if context.store.waiting_commands():
                carry_out_commands(context)
                return
        time.sleep(0.1)
    pytest.fail("the page has sent no command")
