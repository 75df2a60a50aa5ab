"""axe-core looks at every page in a real Chromium, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from selenium import webdriver

from daemon.status.snapshot import read_status
from daemon.web.pages import PAGES
from daemon.web.server import serving
from tests.fakes.large_store import Size, large_store

pytestmark = [pytest.mark.browser, pytest.mark.long]

SIZE = Size(images=60, cycles=3, batch=8, validation=4, open=3)
SCHEMES = ("light", "dark")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    config = large_store(tmp_path, SIZE, datetime(2026, 3, 1, 12, tzinfo=UTC))
    with serving(lambda: read_status(config), read_config=lambda: config) as found:
        yield found


def test_no_page_has_a_serious_fault_of_accessibility(
    browser: webdriver.Chrome, address: str
) -> None:
    faults = []
    for scheme in SCHEMES:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        for path in (*(page.html_path for page in PAGES), "/trainings/1", "/sign-in"):
            browser.get(f"{address}{path}")
            for fault in Axe().run(browser)["violations"]:
                if fault["impact"] in ("moderate", "serious", "critical"):
                    places = [node["html"] for node in fault["nodes"]]
                    faults.append((scheme, path, fault["id"], places[:3]))
    assert faults == []


def test_axe_finds_a_picture_without_words(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    browser.execute_script("document.querySelector('main').append(document.createElement('img'))")

    assert "image-alt" in [fault["id"] for fault in Axe().run(browser)["violations"]]
