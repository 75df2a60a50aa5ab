"""The page of an error, as chromium shows it: our look, light, dark and on a phone."""

from __future__ import annotations

import pytest
from selenium import webdriver

from daemon.domain.errors import StoreTooNew
from daemon.status.model import Status
from tests.browser.chromium import (
    REQUESTS,
    as_desk,
    as_phone,
    click,
    prefer,
    sideways,
    wait_for,
    whole_page_png,
)
from tests.browser.conftest import Serve
from tests.browser.screenshots import keep
from tests.fakes.statuses import status

pytestmark = [pytest.mark.browser, pytest.mark.long]

TITLE = "return document.querySelector('h1').textContent"
GROUND = "return getComputedStyle(document.body).backgroundColor"


def is_newer() -> Status:
    raise StoreTooNew("/srv/field/state/maskloop.db: schema 9 is newer than 3; install a newer one")


@pytest.mark.parametrize(
    ("name", "read", "path", "title"),
    [
        ("error-404", lambda: status(1), "/nothing", "Not found"),
        ("error-503", is_newer, "/", "Not available now"),
    ],
)
def test_an_error_has_our_look_and_a_way_on(
    browser: webdriver.Chrome, serve: Serve, name: str, read: Serve, path: str, title: str
) -> None:
    address = serve(read)
    browser.get(address + path)
    wait_for(browser, TITLE, title)
    foreign = [one for one in browser.execute_script(REQUESTS) if not one.startswith(address)]

    grounds = set()
    for look in ("light", "dark", "phone"):
        prefer(browser, "dark" if look == "dark" else "light")
        if look == "phone":
            as_phone(browser)
        grounds.add(browser.execute_script(GROUND))
        assert sideways(browser) == []
        keep(whole_page_png(browser), "error", name.removeprefix("error-"), look)
    as_desk(browser)

    assert foreign == []
    assert len(grounds) == 2
    click(browser, ".notice a")
    wait_for(browser, "return location.pathname", "/")
