"""axe-core looks at every page in a real Chromium, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from axe_core_python.selenium import Axe
from selenium import webdriver

from daemon.config.loading import Config
from tests.browser.chromium import prefer
from tests.browser.conftest import Serve, SignIn
from tests.browser.visits import paths, until_it_stands
from tests.fakes.statuses import status
from tests.fakes.whole_loop import Moment, whole_loop

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    with whole_loop(tmp_path_factory.mktemp("home"), Moment.BROKEN, datetime.now(UTC)) as made:
        yield made


def test_no_page_has_a_serious_fault_of_accessibility(
    browser: webdriver.Chrome, config: Config, serve: Serve, sign_in: SignIn
) -> None:
    address, faults = serve(config), []
    sign_in(address, config, "/")
    for name, path in paths(Moment.BROKEN):
        if name == "sign-in":
            browser.delete_all_cookies()
        browser.get(f"{address}{path}")
        until_it_stands(browser)
        for scheme in ("light", "dark"):
            prefer(browser, scheme)
            for fault in Axe().run(browser)["violations"]:
                if fault["impact"] in ("moderate", "serious", "critical"):
                    places = [node["html"] for node in fault["nodes"]]
                    faults.append((scheme, path, fault["id"], places[:3]))
    assert faults == []


def test_axe_finds_a_picture_without_words(browser: webdriver.Chrome, serve: Serve) -> None:
    browser.get(serve(lambda: status(1)))
    browser.execute_script("document.querySelector('main').append(document.createElement('img'))")

    assert "image-alt" in [fault["id"] for fault in Axe().run(browser)["violations"]]
