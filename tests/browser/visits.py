"""Every page of Maskloop, and how one waits until it stands."""

from __future__ import annotations

from selenium import webdriver

from daemon.web.pages import PAGES
from tests.browser.chromium import wait_for
from tests.fakes.whole_loop import SIZE, Moment

NEWEST = SIZE.cycles
_ALWAYS = tuple((page.name, page.html_path) for page in PAGES)
_MODELS = (
    ("training", f"/trainings/{NEWEST}"),
    ("compare", f"/trainings/compare/{NEWEST - 1}/{NEWEST}"),
    ("mistakes", f"/trainings/{NEWEST}/mistakes/2/0"),
)
# pictures that are in sight are there, plots and map are drawn
_STANDS = """
const shown = (one) => one && one.checkVisibility();
const inSight = [...document.images].filter((one) => shown(one) && one.src && !one.complete);
const plot = document.querySelector("#plot:not([hidden])"), frame = document.getElementById("map-frame");
return document.readyState === "complete" && !inSight.length
  && (!shown(plot) || plot.querySelector(".main-svg") !== null)
  && (!shown(frame) || document.documentElement.dataset.map === "drawn");
"""  # noqa: E501 - JavaScript
_EAGER = "for (const one of document.images) one.loading = 'eager'"


def paths(moment: Moment) -> tuple[tuple[str, str], ...]:
    """(name, path) of the pages that there are at a moment of a loop, that of the sign-in last."""
    models = () if moment is Moment.EMPTY else _MODELS
    return (*_ALWAYS, *models, ("sign-in", "/sign-in"))


def until_it_stands(browser: webdriver.Chrome) -> None:
    """Wait for pictures, plots and the map of the page."""
    browser.execute_script(_EAGER)
    wait_for(browser, _STANDS, True)
