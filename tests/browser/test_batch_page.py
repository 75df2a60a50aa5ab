"""A real Chromium opens the page of a batch: pictures, masks, filters, with and without scripts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium import webdriver

from tests.browser.chromium import click, severe, wait_for
from tests.browser.conftest import Serve
from tests.fakes.large_store import Size, large_store

pytestmark = pytest.mark.browser

SIZE = Size(images=60, cycles=1, batch=8, validation=4, open=3)
MISSING = "return [...document.images].filter((one) => !one.naturalWidth).map((one) => one.src)"
STATES = (
    "return [...document.querySelectorAll('.asked .chip')].map((one) => one.textContent.trim())"
)
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
    wait_for(browser, OVER, ["mask prediction"] * SIZE.batch)
    click(browser, "#overlay-label")
    wait_for(browser, OVER, ["mask label"] * (SIZE.batch - SIZE.open))
    browser.execute_script(
        "const slider = document.getElementById('opacity'); slider.value = 30;"
        "slider.dispatchEvent(new Event('input'))"
    )
    opacity = "return getComputedStyle(document.querySelector('.mask.label')).opacity"
    wait_for(browser, opacity, "0.3")
    click(browser, "a[href*='state=open']")
    wait_for(browser, STATES, ["open"] * SIZE.open)
    assert severe(browser) == []
