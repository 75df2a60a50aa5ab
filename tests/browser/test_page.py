"""A real Chromium opens the page: it draws the curve, keeps it fresh, and obeys our policy."""

from __future__ import annotations

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from daemon.status.model_health import UnusedFile, UnusedFiles
from daemon.web.server import serving
from tests.browser.chromium import as_phone, prefer, severe, wait_for
from tests.browser.conftest import Serve
from tests.fakes.statuses import HOSTILE, status

pytestmark = pytest.mark.browser

# the numbers along the y axis, which plotly's own resizing once pushed out of the picture
TICKS_INSIDE = (
    "const left = document.getElementById('plot').getBoundingClientRect().left; "
    "const ticks = [...document.querySelectorAll('#plot .ytick text')]; "
    "return ticks.length > 0 && ticks.every((t) => t.getBoundingClientRect().left >= left)"
)
# whether the text of a name reaches into that of its reason, for each file that is left out
OVERLAPS = """
const box = (node) => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return range.getBoundingClientRect();
};
return [...document.querySelectorAll("#left-out li")].map((row) => {
  const [name, why] = [box(row.querySelector(".name")), box(row.querySelector(".why"))];
  return name.right > why.left && name.bottom > why.top + 1;
});
"""
LEGEND = "return [...document.querySelectorAll('#plot .legendtext')].map((one) => one.textContent)"
POINTS = "return [...document.querySelectorAll('#plot .scatterlayer .point')].length"


def test_the_curve_is_drawn_with_every_point(browser: webdriver.Chrome, serve: Serve) -> None:
    address = serve(lambda: status(4))
    browser.get(address)

    # two lines of four points; those of the classes wait in the legend
    wait_for(browser, POINTS, 8)
    wait_for(browser, "return document.querySelectorAll('#plot .yerror').length", 4)
    wait_for(browser, "return document.getElementById('link').textContent", "live")
    names = ["mIoU, 95 % interval", "test mIoU", "IoU soil", "IoU crop", "IoU weed"]
    wait_for(browser, LEGEND, names)
    assert severe(browser) == []


def test_a_new_point_appears_without_a_reload(browser: webdriver.Chrome, serve: Serve) -> None:
    shown = [status(1)]
    address = serve(lambda: shown[0])
    browser.get(address)
    wait_for(browser, POINTS, 2)
    browser.execute_script("window.loadedOnce = true")

    shown[0] = status(2)

    wait_for(browser, POINTS, 4)
    assert browser.execute_script("return window.loadedOnce") is True
    assert "0.611" in browser.find_element(By.ID, "now").text
    assert severe(browser) == []


def test_live_progress_moves(browser: webdriver.Chrome, serve: Serve) -> None:
    shown = [status(2)]
    bar = "return document.querySelector('.next-step progress').value"
    address = serve(lambda: shown[0])
    browser.get(address)
    wait_for(browser, bar, 312)

    progress = shown[0].progress.model_copy(update={"step": 500})
    shown[0] = status(2, progress=progress)

    wait_for(browser, bar, 500)


def test_an_empty_page_has_no_plot_and_no_errors(browser: webdriver.Chrome, serve: Serve) -> None:
    address = serve(lambda: status(0))
    browser.get(address)

    wait_for(browser, "return document.getElementById('link').textContent", "not started")
    assert not browser.find_element(By.ID, "plot").is_displayed()
    assert "No point yet" in browser.find_element(By.ID, "curve").text
    assert severe(browser) == []


def test_hostile_names_do_not_run(browser: webdriver.Chrome, serve: Serve) -> None:
    address = serve(lambda: status(3, ("soil", HOSTILE, "<b>weed</b>")))
    browser.get(address)

    wait_for(browser, POINTS, 6)
    wait_for(browser, "return document.getElementById('link').textContent", "live")
    assert browser.title == "Maskloop: Train"
    assert HOSTILE in browser.find_element(By.ID, "batch").text
    # plotly would read it as markup
    wait_for(browser, f"{LEGEND}.includes('IoU <b>weed</b>')", True)
    assert severe(browser) == []


def test_a_narrow_window_does_not_scroll_sideways(browser: webdriver.Chrome, serve: Serve) -> None:
    address = serve(lambda: status(4))
    browser.get(address)
    wait_for(browser, POINTS, 8)

    as_phone(browser)

    for box in ("document.documentElement", "document.getElementById('plot')"):
        wait_for(browser, f"return {box}.scrollWidth <= {box}.clientWidth", True)
    wait_for(browser, TICKS_INSIDE, True)


def test_a_dark_screen_gets_a_dark_page_and_plot(browser: webdriver.Chrome, serve: Serve) -> None:
    legend = "return getComputedStyle(document.querySelector('#plot .legendtext')).fill"
    ground = "return getComputedStyle(document.body).backgroundColor"
    address = serve(lambda: status(4))
    browser.get(address)
    wait_for(browser, POINTS, 8)
    light = browser.execute_script(legend)

    prefer(browser, "dark")

    wait_for(browser, ground, "rgb(18, 22, 19)")
    wait_for(browser, legend, "rgb(232, 236, 232)")
    assert light != browser.execute_script(legend)


def test_the_page_says_when_the_daemon_stopped_answering(browser: webdriver.Chrome) -> None:
    with serving(lambda: status(1)) as address:
        browser.get(address)
        wait_for(browser, "return document.getElementById('link').textContent", "live")

    wait_for(browser, "return document.getElementById('link').className", "link lost")

    assert "no answer from Maskloop since" in browser.find_element(By.ID, "link").text
    browser.get("about:blank")
    browser.get_log("browser")


def test_names_of_files_that_are_left_out_stand_beside_their_reasons(
    browser: webdriver.Chrome, serve: Serve
) -> None:
    names = ["broken_link_of_a_camera.png", f"{'long' * 50}.png"]
    files = UnusedFiles(
        missed=2,
        counts={"cannot be read": 2},
        named=tuple(
            UnusedFile(path=name, reason="cannot be read", got="", cure="restore it")
            for name in names
        ),
    )
    address = serve(lambda: status(1, left_out=files))
    for width in (1200, 500):
        browser.set_window_size(width, 1000)
        browser.get(address)
        wait_for(browser, OVERLAPS, [False, False])
    browser.set_window_size(1200, 1000)


@pytest.mark.long
def test_the_curve_page_draws_its_forecast_and_fits_the_axis_to_a_chosen_class(
    browser: webdriver.Chrome, serve: Serve
) -> None:
    lowest = "return Math.min(...document.getElementById('plot')._fullLayout.yaxis.range) < 0.45"
    address = serve(lambda: status(4, ("soil", "crop", HOSTILE)))
    browser.get(f"{address}/curve")
    wait_for(browser, POINTS, 8)
    wait_for(browser, lowest, False)
    wait_for(browser, f"{LEGEND}.includes('forecast, 80 % interval')", True)

    browser.execute_script(
        "const box = document.getElementById('figure'); box.value = arguments[0];"
        "box.dispatchEvent(new Event('change', { bubbles: true }))",
        HOSTILE,
    )

    wait_for(browser, POINTS, 11)  # the class was not measured in the first cycle
    wait_for(browser, lowest, True)  # its lowest IoU is 0.411
    wait_for(browser, "return document.getElementById('link').textContent", "live")
    assert severe(browser) == []
