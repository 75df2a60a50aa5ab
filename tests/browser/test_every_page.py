"""Every page at every moment of a loop, in light, dark and on a phone: nothing is said in the
console, nothing asked of elsewhere, nothing scrolls sideways; and pictures of it all for people.

The pictures lie in build/screenshots, with an index.html: tests/README.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium import webdriver

from daemon.config.loading import Config
from tests.browser.chromium import (
    REQUESTS,
    as_desk,
    as_phone,
    prefer,
    severe,
    sideways,
    whole_page_png,
)
from tests.browser.conftest import Serve, SignIn
from tests.browser.screenshots import keep
from tests.browser.visits import paths, until_it_stands
from tests.fakes.whole_loop import Moment, whole_loop

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("moment", Moment)
def test_every_page_keeps_to_itself_and_fits_every_screen(
    browser: webdriver.Chrome, serve: Serve, sign_in: SignIn, tmp_path: Path, moment: Moment
) -> None:
    faults: list[tuple[str, str, object]] = []
    with whole_loop(tmp_path, moment, datetime.now(UTC)) as config:
        address = serve(config)
        for name, path in paths(moment):
            _open(browser, sign_in, address, config, path)
            until_it_stands(browser)
            requests = browser.execute_script(REQUESTS)
            foreign = [one for one in requests if not one.startswith((address, "data:", "blob:"))]
            faults += [(path, "request", one) for one in foreign]
            for look in ("light", "dark", "phone"):
                _look(browser, look)
                until_it_stands(browser)
                keep(whole_page_png(browser), moment, name, look)
            faults += [(path, "sideways", one) for one in sideways(browser)]
            as_desk(browser)
            faults += [(path, "console", line) for line in severe(browser)]
    assert faults == []


def _open(
    browser: webdriver.Chrome, sign_in: SignIn, address: str, config: Config, path: str
) -> None:
    """As a lead, who sees all there is to press; the sign-in as nobody."""
    prefer(browser, "light")
    if path == "/sign-in" or not config.state.exists():
        browser.delete_all_cookies()
        browser.get(address + path)
    elif browser.get_cookies():
        browser.get(address + path)
    else:
        sign_in(address, config, path)


def _look(browser: webdriver.Chrome, look: str) -> None:
    prefer(browser, "dark" if look == "dark" else "light")
    if look == "phone":
        as_phone(browser)
