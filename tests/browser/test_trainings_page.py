"""A real Chromium opens the page of the trainings: charts, the slider, the buttons, two models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from selenium import webdriver

from tests.browser.chromium import as_desk, as_phone, click, severe, wait_for
from tests.browser.conftest import Serve, SignIn
from tests.browser.sent import sent
from tests.fakes.trained_runs import HOSTILE, trained_home

pytestmark = [pytest.mark.browser, pytest.mark.long]

CURVES = "return document.querySelectorAll('#plot .scatterlayer .trace').length"
WORDS = "return document.getElementById"
BUTTONS = "return document.querySelectorAll('button[data-verb]').length"
FITS = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
MASK = "return document.querySelectorAll('#preview-images .over')[1].getAttribute('src')"
PAINTED = "return [...document.querySelectorAll('.over')].every((one) => one.naturalWidth === 24)"
MOVE = (
    "const slider = document.getElementById('preview-step'); slider.value = arguments[0];"
    "slider.dispatchEvent(new Event('input', { bubbles: true }))"
)
SHOW = (
    "const box = document.getElementById('series'); box.value = arguments[0];"
    "box.dispatchEvent(new Event('change', { bubbles: true }))"
)


def test_trainings_are_drawn_over_each_other_and_previews_follow_the_slider(
    browser: webdriver.Chrome, serve: Serve, tmp_path: Path
) -> None:
    address = serve(trained_home(tmp_path, 3, asked=True))
    browser.get(f"{address}/trainings")
    wait_for(browser, CURVES, 3)
    wait_for(browser, MASK, "/trainings/3/previews/40/validation-1-prediction.png")
    wait_for(browser, PAINTED, True)

    browser.execute_script(MOVE, 0)
    wait_for(browser, MASK, "/trainings/3/previews/20/validation-1-prediction.png")
    wait_for(browser, f"{WORDS}('preview-words').textContent.includes('20 of 40')", True)
    browser.execute_script(SHOW, "sure")
    wait_for(browser, CURVES, 2)  # one class that counts, of the two newest
    shown = f"{WORDS}('models').textContent.includes({json.dumps(HOSTILE)})"
    wait_for(browser, shown, True)
    as_phone(browser)
    wait_for(browser, FITS, True)
    as_desk(browser)

    click(browser, "#compare")
    wait_for(browser, "return location.pathname", "/trainings/compare/2/3")
    wait_for(browser, "return document.querySelectorAll('.changes .over').length", 10)
    assert [row for row in severe(browser) if "/images/" not in row] == []  # no such files


def test_a_button_asks_the_loop_and_says_so(
    browser: webdriver.Chrome, serve: Serve, sign_in: SignIn, tmp_path: Path
) -> None:
    config = trained_home(tmp_path, 2, asked=True)
    address = serve(config)
    browser.get(f"{address}/trainings")
    wait_for(browser, BUTTONS, 0)
    sign_in(address, config, "/trainings")
    wait_for(browser, BUTTONS, 1)

    click(browser, "button[data-verb=approve_model]")

    wait_for(browser, f"{WORDS}('answer').hidden", False)
    wait_for(browser, f"{WORDS}('answer').textContent.includes('next tick')", True)
    assert sent(config, "approve_model") == [{"cycle": 2}]
