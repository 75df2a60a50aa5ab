"""The report of `maskloop experiment` as chromium shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver

from tests.browser.chromium import as_phone, prefer, wait_for
from tests.integration.recipe_field import experiment, make_home

FITS = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
GROUND = "return getComputedStyle(document.body).backgroundColor"
REQUESTS = (
    "return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:'))"
)


@pytest.mark.browser
@pytest.mark.long
def test_the_report_fits_a_phone_has_a_dark_look_and_asks_nobody(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    recipe = make_home(tmp_path)
    assert experiment(recipe, "--seeds", "0")[0] == 0
    as_phone(browser)

    grounds = []
    for scheme in ("light", "dark"):
        prefer(browser, scheme)
        browser.get(f"file://{tmp_path}/out/report.html")
        browser.execute_script("window.scrollTo(0, document.body.scrollHeight)")
        grounds.append(browser.execute_script(GROUND))
        wait_for(browser, FITS, True)

    assert len(set(grounds)) == 2
    assert browser.execute_script(REQUESTS) == []
    assert browser.get_log("browser") == []
    for image in browser.find_elements("tag name", "img"):
        browser.execute_script("arguments[0].loading = 'eager'", image)
    assert browser.execute_async_script(
        "const done = arguments[0]; Promise.all([...document.images].map(i => i.decode()))"
        ".then(() => done(document.images.length))"
    ) == 3 * (2 + 2 * 3)
