"""POST /api/v1/commands: a row in the store, or a refusal with a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from daemon.config.loading import Config
from daemon.store import FILE, Store
from daemon.web.app import create_app
from daemon.web.command_routes import PATH
from tests.fakes.statuses import status
from tests.fakes.visitors import signed_in


class Page:
    """A page of a store in `home`, and how often it woke the daemon."""

    def __init__(self, home: Path) -> None:
        self.config = Config.model_validate({"home": home})
        self.woken = 0
        with Store(self.config.state / FILE):
            pass
        app = create_app(lambda: status(0), read_config=lambda: self.config, wake=self.wake)
        self.client: FlaskClient = app.test_client()
        self.token = signed_in(self.client, self.config)

    def wake(self) -> None:
        self.woken += 1

    def post(self, body: Any, **headers: str) -> TestResponse:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        given = {"X-CSRF-Token": self.token, "Content-Type": "application/json", **headers}
        return self.client.post(PATH, data=text, headers=given)


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page(tmp_path)


def test_a_command_is_kept_for_the_next_tick_and_wakes_the_daemon(page: Page) -> None:
    answer = page.post({"verb": "exclude", "arguments": {"ids": [1], "reason": "Nebel, 雾"}})

    assert (answer.status_code, answer.get_json(), page.woken) == (202, {"id": 1}, 1)
    kept = page.client.get(f"{PATH}/1").get_json()
    assert kept["arguments"] == {"ids": [1], "reason": "Nebel, 雾"}
    assert (kept["verb"], kept["state"], kept["outcome"]) == ("exclude", "waiting", "")
    assert page.client.get(PATH).get_json() == {"commands": [kept]}


def test_a_request_of_another_page_is_refused(page: Page) -> None:
    answer = page.post({"verb": "pause", "arguments": {}}, **{"X-CSRF-Token": "guess"})

    assert answer.status_code == 403
    assert page.client.get(PATH).get_json() == {"commands": []}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "pause",
        "[]",
        b"\xff\xfe",
        "[" * 100_000,
        "9" * 5_000,
        '{"verb": ""}',
        '{"verb": 1}',
        '{"verb": "pause", "arguments": []}',
        '{"verb": "pause", "arguments": {"reason": NaN}}',
        '{"verb": "pause", "arguments": {}, "asked_by": "somebody"}',
        json.dumps({"verb": "p" * 65}),
    ],
)
def test_a_body_that_is_no_command_is_refused_and_nothing_is_kept(page: Page, body: Any) -> None:
    answer = page.post(body)

    assert answer.status_code == 400
    assert answer.get_json()["error"]
    assert page.client.get(PATH).get_json() == {"commands": []}


def test_a_command_that_does_not_exist_is_not_found(page: Page) -> None:
    for number in (1, 2**63, 10**30):
        assert page.client.get(f"{PATH}/{number}").status_code == 404
