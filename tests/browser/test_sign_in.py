"""Signing in with a real Chromium: the link, the token, an action, the end of a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from daemon.config.loading import Config
from daemon.config.web_tokens import make_token, web_tokens
from daemon.domain.clock import utc_now
from daemon.domain.commands import CommandState
from daemon.store import FILE, Store
from daemon.web.access.sessions import link_code
from daemon.web.server import serving
from tests.browser.chromium import click, severe, wait_for
from tests.fakes.statuses import status

pytestmark = pytest.mark.browser

# The answer is kept by the browser: the page may be left before anybody reads it.
ASK = """
sessionStorage.removeItem("answered");
import("/static/commands.js").then(({ ask }) => ask("pause", { reason: "Nebel" })).then(
  ({ outcome }) => sessionStorage.setItem("answered", outcome),
  ({ message }) => sessionStorage.setItem("answered", message),
);
"""
ANSWERED = "return sessionStorage.getItem('answered')"
SHOWN = "return document.querySelector('.access')?.textContent.trim().replace(/\\s+/g, ' ') ?? ''"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = Config.model_validate({"home": tmp_path})
    make_token(config)
    with Store(config.state / FILE):
        pass
    return config


@pytest.fixture
def address(config: Config) -> Iterator[str]:
    def wake() -> None:
        """Stands for the next tick."""
        with Store(config.state / FILE) as store:
            for command in store.waiting_commands():
                store.keep_outcome(command.id, CommandState.DONE, "paused", utc_now())

    with serving(lambda: status(4), read_config=lambda: config, wake=wake) as found:
        yield found


def test_a_link_signs_in_and_lets_a_lead_act_until_the_session_is_ended(
    browser: webdriver.Chrome, address: str, config: Config
) -> None:
    browser.get(f"{address}/curve")
    wait_for(browser, SHOWN, "Sign in")
    assert "anna@field.example" not in browser.page_source

    click(browser, ".access a")
    wait_for(browser, "return location.pathname + location.search", "/sign-in?next=/curve")
    browser.get(f"{address}/sign-in?next=/#{link_code(web_tokens(config).lead, utc_now())}")
    wait_for(browser, SHOWN, "lead Sign out")
    wait_for(browser, "return location.href", f"{address}/")
    wait_for(browser, "return document.cookie", "")
    assert "anna@field.example" in browser.page_source

    browser.execute_script(ASK)
    wait_for(browser, ANSWERED, "paused")
    with Store(config.state / FILE, read_only=True) as store:
        (command,) = store.commands()
    assert (command.verb, command.arguments) == ("pause", {"reason": "Nebel"})

    click(browser, "[data-verb=pause]")
    wait_for(browser, "return document.getElementById('answer').textContent", "paused")

    click(browser, "#sign-out")
    wait_for(browser, SHOWN, "Sign in")
    browser.execute_script(ASK)
    wait_for(browser, ANSWERED, "sign in first")
    wait_for(browser, "return location.pathname", "/sign-in")
    assert [line for line in severe(browser) if "401" not in line] == []


def test_a_wrong_token_is_said_and_the_right_one_leads_to_the_page(
    browser: webdriver.Chrome, address: str, config: Config
) -> None:
    browser.get(f"{address}/sign-in?next=//evil.example/curve")
    field = browser.find_element(By.ID, "token")

    field.send_keys("guess\n")
    wait_for(
        browser,
        "return document.getElementById('outcome').textContent",
        "Not signed in: that is no token or link of this server, or the link was used.",
    )
    field.clear()
    field.send_keys(f"{web_tokens(config).lead}\n")

    wait_for(browser, SHOWN, "lead Sign out")
    assert browser.current_url == f"{address}/"
    assert [line for line in severe(browser) if "401" not in line] == []
