"""A real Chromium opens the page of a batch: pictures, masks, filters, with and without scripts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.browser.chromium import severe, wait_for
from tests.browser.conftest import Serve
from tests.fakes.large_store import Size, large_store

pytestmark = pytest.mark.browser

SIZE = Size(images=60, cycles=1, batch=8, validation=4, open=3)
MISSING = "return [...document.images].filter((one) => !one.naturalWidth).map((one) => one.src)"
OVER = (
    "return [...document.querySelectorAll('.mask')].filter((one) => "
    "getComputedStyle(one).visibility === 'visible').map((one) => one.className)"
)


def test_a_batch_is_seen_with_its_masks_and_filtered_by_a_link(
    browser: webdriver.Chrome, serve: Serve, tmp_path: Path
) -> None:
    address = serve(large_store(tmp_path, SIZE, datetime(2026, 3, 1, 12, tzinfo=UTC)))
    browser.get(f"{address}/batch")
    browser.execute_script("for (const one of document.images) one.loading = 'eager'")

    wait_for(browser, MISSING, [])
    assert browser.execute_script(OVER) == ["mask prediction"] * SIZE.batch
    browser.find_element(By.ID, "overlay-label").click()
    assert browser.execute_script(OVER) == ["mask label"] * (SIZE.batch - SIZE.open)
    slider = browser.find_element(By.ID, "opacity")
    browser.execute_script(
        "arguments[0].value = 30; arguments[0].dispatchEvent(new Event('input'))", slider
    )
    opacity = "return getComputedStyle(document.querySelector('.mask.label')).opacity"
    assert browser.execute_script(opacity) == "0.3"
    browser.find_element(By.PARTIAL_LINK_TEXT, "open").click()
    states = browser.find_elements(By.CSS_SELECTOR, ".asked .chip")
    assert [state.text for state in states] == ["open"] * SIZE.open
    assert severe(browser) == []
