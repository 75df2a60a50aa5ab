"""A browser, as new for each test, and a server of the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from selenium import webdriver

from daemon.config.loading import Config
from daemon.config.web_tokens import make_token, web_tokens
from daemon.domain.clock import utc_now
from daemon.status.model import Status
from daemon.status.snapshot import read_status
from daemon.web.access.sessions import link_code
from daemon.web.server import serving
from tests.browser.chromium import chromium, forget, wait_for
from tests.live.live_server import annotator, label_studio, migrated

__all__ = ["annotator", "label_studio", "migrated"]

Serve = Callable[[Config | Callable[[], Status]], str]
SignIn = Callable[[str, Config, str], None]


@pytest.fixture(scope="module")
def _chromium() -> Iterator[webdriver.Chrome]:
    with chromium() as chrome:
        yield chrome


@pytest.fixture
def browser(_chromium: webdriver.Chrome) -> webdriver.Chrome:
    """A headless chromium without a page, a cookie or a line in its console."""
    forget(_chromium)
    return _chromium


@pytest.fixture
def serve() -> Iterator[Serve]:
    """The pages of a loop, or of what a function says of one: their address, until the test ends."""
    with ExitStack() as servers:

        def served(source: Config | Callable[[], Status]) -> str:
            if not isinstance(source, Config):
                return servers.enter_context(serving(source))
            return servers.enter_context(
                serving(lambda: read_status(source), read_config=lambda: source)
            )

        yield served


@pytest.fixture
def sign_in(browser: webdriver.Chrome) -> SignIn:
    """Open a page as a lead: `sign_in(address, config, "/map")`."""

    def opened(address: str, config: Config, path: str) -> None:
        make_token(config)
        code = link_code(web_tokens(config).lead, utc_now())
        browser.get(f"{address}/sign-in?next={path}#{code}")
        wait_for(browser, "return location.pathname + location.search", path)
        wait_for(browser, "return document.readyState", "complete")

    return opened
