"""With the keys alone a person reaches all of every page, sees where they are, and works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from daemon.config.loading import Config
from daemon.domain.models import ModelNote
from daemon.store import FILE, Store
from tests.browser.chromium import PATIENCE_S, wait_for
from tests.browser.conftest import Serve, SignIn
from tests.browser.keyboard import focus, focused, press, tab, walked
from tests.browser.sent import sent
from tests.browser.visits import NEWEST, paths, until_it_stands
from tests.fakes.whole_loop import Moment, whole_loop

pytestmark = [pytest.mark.browser, pytest.mark.long]

TITLE = "return document.getElementById('selection-title').textContent"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """The newest model was refused, images are open, there are events and a fault."""
    home = tmp_path_factory.mktemp("home")
    with whole_loop(home, Moment.BROKEN, datetime.now(UTC)) as made:
        yield made


@pytest.fixture
def address(config: Config, serve: Serve) -> str:
    return serve(config)


@pytest.mark.timeout(1200)
def test_tab_reaches_everything_in_the_order_of_reading_with_a_ring(
    browser: webdriver.Chrome, config: Config, address: str, sign_in: SignIn
) -> None:
    faults: dict[str, list[str]] = {}
    sign_in(address, config, "/")
    for name, path in paths(Moment.BROKEN):
        if name == "sign-in":
            browser.delete_all_cookies()
        browser.get(address + path)
        until_it_stands(browser)
        browser.execute_script(
            "document.querySelectorAll('main details').forEach((one) => one.open = true)"
        )
        if found := walked(browser):
            faults[path] = found
    assert faults == {}


def test_filters_masks_and_opacity_of_a_batch_answer_to_keys(
    browser: webdriver.Chrome, address: str
) -> None:
    browser.get(f"{address}/batch")
    focus(browser, "#overlay-prediction")
    press(browser, Keys.ARROW_RIGHT)
    wait_for(browser, "return document.getElementById('overlay-label').checked", True)
    focus(browser, "#opacity")
    press(browser, Keys.ARROW_LEFT)
    shown = "return document.documentElement.style.getPropertyValue('--mask-opacity')"
    wait_for(browser, shown, "0.59")

    focus(browser, "a[href*='state=open']")
    press(browser, Keys.ENTER)
    wait_for(browser, "return location.search.includes('state=open')", True)
    focus(browser, "summary")
    press(browser, " ")
    wait_for(browser, "return document.querySelector('details').open", True)


def test_the_curve_shows_another_figure_by_an_arrow(
    browser: webdriver.Chrome, address: str
) -> None:
    browser.get(f"{address}/curve")
    until_it_stands(browser)
    focus(browser, "#figure")
    press(browser, Keys.ARROW_DOWN)

    drawn = (
        "return document.getElementById('plot').data"
        ".filter((one) => one.name === 'IoU soil')[0].visible"
    )
    wait_for(browser, drawn, True)


def test_previews_comparison_and_override_of_the_gate_need_no_mouse(
    browser: webdriver.Chrome, config: Config, address: str, sign_in: SignIn
) -> None:
    sign_in(address, config, "/trainings")
    until_it_stands(browser)
    focus(browser, "#preview-step")
    press(browser, Keys.ARROW_LEFT)
    wait_for(browser, "return document.getElementById('preview-words').textContent.slice(0, 10)",
             "500 of 800")  # fmt: skip
    focus(browser, "#compare")
    press(browser, Keys.ENTER)
    wait_for(browser, "return location.pathname", f"/trainings/compare/{NEWEST - 1}/{NEWEST}")

    browser.get(f"{address}/trainings/{NEWEST}")
    focus(browser, "[data-verb=serve_model]")
    press(browser, Keys.ENTER)
    wait_for(browser, "return document.getElementById('answer').hidden", False)
    assert focused(browser) == "Let it serve"  # a button that waits keeps its place
    wait_for(browser, "return document.getElementById('answer').textContent.length > 0", True)
    assert {"cycle": NEWEST} in sent(config, "serve_model")


def test_images_of_the_map_are_chosen_looked_at_and_asked_for_without_a_lasso(
    browser: webdriver.Chrome, config: Config, address: str, sign_in: SignIn
) -> None:
    sign_in(address, config, "/map")
    until_it_stands(browser)
    focus(browser, "#legend button")
    press(browser, " ")
    wait_for(browser, f"{TITLE}.endsWith('are selected')", True)
    focus(browser, "#search-text")
    press(browser, "field_00023", Keys.ENTER)  # 230 to 239, which nobody was asked for
    wait_for(browser, TITLE, "10 images are selected")
    wait_for(browser, "return document.querySelectorAll('#selected tr').length", 10)

    focus(browser, "#selected button")
    opener = focused(browser)
    press(browser, Keys.ENTER)
    wait_for(browser, "return document.activeElement.id", "image-name")
    wait_for(browser, "return document.querySelectorAll('#similar li').length", 12)
    inside = "return document.getElementById('image-facts').contains(document.activeElement)"
    for _ in range(16):
        tab(browser)
        assert browser.execute_script(inside)
    focus(browser, "#close-image")
    tab(browser, back=True)
    assert browser.execute_script(inside)
    press(browser, Keys.ESCAPE)
    assert not browser.find_element("id", "image-facts").is_displayed()
    assert focused(browser) == opener

    focus(browser, "[data-verb=ask_next]")
    press(browser, Keys.ENTER)
    assert focused(browser) == "reason-text"
    press(browser, Keys.ESCAPE)
    assert focused(browser) == "Ask next"
    press(browser, Keys.ENTER)
    press(browser, "rare weeds", Keys.ENTER)
    wait_for(browser, "return document.getElementById('selection-answer').textContent.length > 0",
             True)  # fmt: skip
    asked = sent(config, "ask_next")
    assert [sorted(one["ids"]) for one in asked] == [list(range(230, 240))]


def test_keys_move_the_map(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/map")
    until_it_stands(browser)
    frame = browser.find_element("id", "map-frame")
    before = frame.screenshot_as_base64
    focus(browser, "#map-frame")
    browser.switch_to.frame(frame)
    focus(browser, "#points")
    press(browser, Keys.ARROW_RIGHT, "+")
    browser.switch_to.default_content()

    wait_for(browser, "return document.activeElement.id", "map-frame")
    deadline = time.monotonic() + PATIENCE_S
    while frame.screenshot_as_base64 == before:
        assert time.monotonic() < deadline, "the map has not moved"


def test_what_a_page_renews_keeps_its_focus_and_what_was_chosen(
    browser: webdriver.Chrome, config: Config, address: str, sign_in: SignIn
) -> None:
    sign_in(address, config, "/trainings")
    until_it_stands(browser)
    focus(browser, "#compare-one")
    press(browser, Keys.END)
    chosen = "return document.getElementById('compare-one').value"
    wait_for(browser, chosen, "1")
    browser.execute_script(
        "document.addEventListener('maskloop:swapped', ({ detail }) => "
        "{ if (detail === 'models') window.renewed = true; })"
    )
    with Store(config.state / FILE) as store:
        store.add_model_note(
            ModelNote(cycle=1, at=datetime.now(UTC), author="a lead", text="Trained in the rain.")
        )

    wait_for(browser, "return window.renewed === true", True)
    assert focused(browser).startswith("compare-one")
    assert browser.execute_script(chosen) == "1"
