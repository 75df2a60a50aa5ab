"""A real Chromium opens the page of the trainings: charts, the slider, the buttons, two models."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from daemon.store import FILE, Store
from tests.browser.chromium import as_desk, as_phone, severe, wait_for
from tests.browser.conftest import Serve, SignIn
from tests.fakes.trained_runs import HOSTILE, trained_home

pytestmark = [pytest.mark.browser, pytest.mark.long]

CURVES = "return document.querySelectorAll('#plot .scatterlayer .trace').length"
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
    assert "20 of 40" in browser.find_element(By.ID, "preview-words").text
    browser.execute_script(SHOW, "sure")
    wait_for(browser, CURVES, 2)  # one class that counts, of the two newest
    assert HOSTILE in browser.find_element(By.ID, "models").text
    as_phone(browser)
    wait_for(browser, FITS, True)
    as_desk(browser)

    browser.find_element(By.ID, "compare").click()
    wait_for(browser, "return location.pathname", "/trainings/compare/2/3")
    wait_for(browser, "return document.querySelectorAll('.changes .over').length", 10)
    assert [row for row in severe(browser) if "/images/" not in row] == []  # no such files


def test_a_button_asks_the_loop_and_says_so(
    browser: webdriver.Chrome, serve: Serve, sign_in: SignIn, tmp_path: Path
) -> None:
    config = trained_home(tmp_path, 2, asked=True)
    address = serve(config)
    browser.get(f"{address}/trainings")
    assert not browser.find_elements(By.CSS_SELECTOR, "button[data-verb]")
    sign_in(address, config, "/trainings")
    wait_for(browser, "return document.querySelectorAll('button[data-verb]').length", 1)

    browser.find_element(By.CSS_SELECTOR, "button[data-verb=approve_model]").click()

    wait_for(browser, "return document.getElementById('answer').hidden", False)
    assert "next tick" in browser.find_element(By.ID, "answer").text
    with Store(config.state / FILE, read_only=True) as store:
        (command,) = store.waiting_commands()
    assert (command.verb, command.arguments) == ("approve_model", {"cycle": 2})
