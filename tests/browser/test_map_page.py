"""A real Chromium draws the map by software, and a person works with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from daemon.config.loading import Config
from daemon.config.web_tokens import make_token, web_tokens
from daemon.domain.clock import utc_now
from daemon.stages.commands.execution import carry_out_commands
from daemon.status.snapshot import read_status
from daemon.web.access.sessions import link_code
from daemon.web.server import serving
from tests.browser.web_gl import chromium_with_web_gl
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
    make_token(made_config)
    return made_config


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    with chromium_with_web_gl() as chrome:
        yield chrome


def wait(browser: webdriver.Chrome, script: str, expected: object = True) -> None:
    deadline = time.monotonic() + 60
    while (seen := browser.execute_script(script)) != expected:
        assert time.monotonic() < deadline, f"{script}: {seen}"
        time.sleep(0.1)


def lasso(browser: webdriver.Chrome) -> None:
    """Draw a lasso around the middle of the map."""
    frame = browser.find_element("id", "map-frame")
    browser.find_element("id", "lasso").click()
    hand = ActionChains(browser, duration=80)
    hand.move_to_element_with_offset(frame, -180, -140).click_and_hold()
    for x, y in ((180, -140), (180, 140), (-180, 140), (-180, -130)):
        hand.move_to_element_with_offset(frame, x, y)
    hand.release().perform()
    browser.find_element("id", "move").click()


def test_a_lead_sees_selects_and_excludes_images(browser: webdriver.Chrome, config: Config) -> None:
    with serving(lambda: read_status(config), read_config=lambda: config) as address:
        code = link_code(web_tokens(config).lead, utc_now())
        browser.get(f"{address}/sign-in?next=/map#{code}")
        wait(browser, "return location.pathname", "/map")
        wait(browser, DRAWN)

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
        wait(browser, f"{ROWS} > 4")
        inside = int(browser.execute_script(TITLE).split()[0])
        assert 4 < inside < IMAGES

        # a line of the legend does the same for the keyboard
        browser.execute_script("document.querySelector('#legend button').focus()")
        browser.switch_to.active_element.send_keys("\n")
        wait(browser, f"{TITLE} !== '{inside} images are selected'")

        # an image, and those that are most like it
        wait(browser, f"{ROWS} > 0")
        browser.find_element("css selector", "#selected button").click()
        wait(browser, "return document.querySelectorAll('#similar li').length", 12)
        assert browser.execute_script("return document.activeElement.id") == "image-name"
        browser.find_element("id", "select-similar").click()
        wait(browser, TITLE, f"{min(IMAGES, 51)} images are selected")
        browser.switch_to.active_element.send_keys(Keys.ESCAPE)
        assert not browser.find_element("id", "image-facts").is_displayed()

        # found by name, left out by a command that the next tick carries out
        browser.find_element("id", "search-text").send_keys("field47\n")
        wait(browser, TITLE, "1 image is selected")
        browser.find_element("css selector", "[data-verb=exclude]").click()
        browser.find_element("id", "reason-text").send_keys("blurred\n")
        _tick_until_carried_out(config)
        wait(browser, "return document.getElementById('selection-answer').textContent",
             "1 image left out of the pool")  # fmt: skip

        wrong = [row["message"] for row in browser.get_log("browser") if row["level"] == "SEVERE"]
        assert [line for line in wrong if "thumbnail.jpg" not in line] == []


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
