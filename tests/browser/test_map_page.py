"""A real Chromium draws the map by software, and a person works with it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from daemon.config.loading import Config
from daemon.stages.commands.execution import carry_out_commands
from tests.browser.chromium import PATIENCE_S, click, severe, wait_for, write
from tests.browser.conftest import Serve, SignIn
from tests.browser.hand import lasso
from tests.browser.sent import sent
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
    deadline, painted = time.monotonic() + PATIENCE_S, 0
    while painted < 50:
        assert time.monotonic() < deadline, f"{painted} pixels"
        shot = browser.find_element("id", "map-frame").screenshot_as_base64
        painted = browser.execute_async_script(COLOURED, shot, *channels)

    # a lasso takes those in the middle, as a list
    lasso(browser, f"{ROWS} > 4")
    inside = int(browser.execute_script(TITLE).split()[0])
    assert 4 < inside < IMAGES

    # a line of the legend does the same for the keyboard
    write(browser, "#legend button", "\n")
    wait_for(browser, f"{TITLE} !== '{inside} images are selected'", True)

    # an image, and those that are most like it
    wait_for(browser, f"{ROWS} > 0", True)
    click(browser, "#selected button")
    wait_for(browser, "return document.querySelectorAll('#similar li').length", 12)
    wait_for(browser, "return document.activeElement.id", "image-name")
    click(browser, "#select-similar")
    wait_for(browser, TITLE, f"{min(IMAGES, 51)} images are selected")
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait_for(browser, "return document.getElementById('image-facts').hidden", True)

    # found by name, left out by a command that the next tick carries out
    write(browser, "#search-text", "field47\n")
    wait_for(browser, TITLE, "1 image is selected")
    click(browser, "[data-verb=exclude]")
    write(browser, "#reason-text", "blurred\n")
    assert len(sent(config, "exclude")) == 1
    with opened(config) as context:
        carry_out_commands(context)  # as the next tick does
    wait_for(browser, "return document.getElementById('selection-answer').textContent",
         "1 image left out of the pool")  # fmt: skip

    assert [line for line in severe(browser) if "thumbnail.jpg" not in line] == []
