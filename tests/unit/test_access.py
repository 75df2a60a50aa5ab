"""Who may see and do what: sign-in, roles, foreign hosts and pages, forged cookies."""

from __future__ import annotations

import json
import logging
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from daemon.config.loading import Config
from daemon.config.web_tokens import make_token, require_web_tokens, web_tokens
from daemon.domain.errors import ConfigError
from daemon.loop.start_checks import web_access_faults
from daemon.web.app import create_app
from daemon.web.hints import Hints
from tests.fakes.statuses import status
from tests.fakes.visitors import LEAD, VIEWER, Watch, csrf_of, signed_in

NAME = "anna@field.example"


@pytest.fixture
def clock() -> Watch:
    return Watch()


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKLOOP_WEB_TOKEN", LEAD)
    monkeypatch.setenv("MASKLOOP_VIEWER_TOKEN", VIEWER)


def client_of(home: Path, clock: Watch | None = None, **web: Any) -> FlaskClient:
    config = Config.model_validate({"home": home, "web": web})
    app = create_app(lambda: status(4), read_config=lambda: config, now=clock or Watch())
    return app.test_client()


def sign_in(client: FlaskClient, token: str, **headers: str) -> int:
    return client.post("/api/v1/session", json={"token": token}, headers=headers).status_code


def test_reading_on_loopback_needs_no_sign_in_and_shows_no_name(tmp_path: Path) -> None:
    client = client_of(tmp_path)

    page, twin = client.get("/").text, client.get("/status.json").text

    assert "person 1" in page
    assert "person 1" in twin
    assert NAME not in page + twin


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize(("token", "sees"), [(LEAD, True), (VIEWER, False)])
def test_only_a_lead_sees_the_names_of_people(tmp_path: Path, token: str, sees: bool) -> None:
    client = client_of(tmp_path)

    assert sign_in(client, token) == 200
    shown = client.get("/").text + client.get("/status.json").text

    assert (NAME in shown, "person 1" in shown) == (sees, not sees)


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("web", [{"host": "0.0.0.0"}, {"names": ("pages.example",)}])
def test_where_others_reach_the_page_nothing_is_shown_before_a_sign_in(
    tmp_path: Path, web: dict[str, Any]
) -> None:
    client = client_of(tmp_path, **web)

    page, twin = client.get("/curve?class=weed"), client.get("/status.json")

    assert (page.status_code, twin.status_code) == (303, 401)
    assert page.headers["Location"] == "/sign-in?next=/curve%3Fclass%3Dweed"
    assert client.get("/sign-in").status_code == 200
    with client.get("/static/page.css") as sheet:
        assert sheet.status_code == 200
    assert sign_in(client, VIEWER) == 200
    assert client.get("/status.json").status_code == 200


@pytest.mark.usefixtures("tokens")
def test_a_proxy_in_front_of_loopback_means_that_others_see_the_page(tmp_path: Path) -> None:
    client = client_of(tmp_path)

    assert client.get("/", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 303
    assert client.get("/").status_code == 200


@pytest.mark.usefixtures("tokens")
def test_a_session_ends_by_hand_by_time_and_by_another_token(
    tmp_path: Path, clock: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(tmp_path, clock, host="0.0.0.0")

    def is_in() -> bool:
        return client.get("/status.json").status_code == 200

    sign_in(client, LEAD)
    (kept,) = (client._cookies or {}).values()
    csrf = csrf_of(client.get("/").text)
    assert client.delete("/api/v1/session").status_code == 403
    assert client.delete("/api/v1/session", headers={"X-CSRF-Token": csrf}).status_code == 200
    assert not is_in()
    client.set_cookie(kept.key, kept.value)
    assert not is_in(), "who kept the cookie is out too"
    sign_in(client, LEAD)
    clock.time += timedelta(hours=11.9)
    assert is_in()
    clock.time += timedelta(hours=0.2)
    assert not is_in()
    sign_in(client, LEAD)
    monkeypatch.setenv("MASKLOOP_WEB_TOKEN", "another-token-0123456789")
    assert not is_in()


@pytest.mark.usefixtures("tokens")
def test_the_cookie_is_kept_from_scripts_and_other_sites(tmp_path: Path) -> None:
    answer = client_of(tmp_path, https=True).post("/api/v1/session", json={"token": LEAD})

    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"))
    assert "Max-Age=43200" in cookie
    assert cookie.startswith("__Host-maskloop-")
    assert LEAD not in str(answer.headers) + answer.text


@pytest.mark.usefixtures("tokens")
def test_no_secret_is_on_a_page_or_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = client_of(tmp_path)

    sign_in(client, "a-wrong-token-0123456789")
    sign_in(client, LEAD)
    shown = "".join(client.get(path).text for path in ("/", "/sign-in", "/status.json", "/curve"))

    assert "a lead at 127.0.0.1 signed in" in caplog.text
    for secret in (LEAD, VIEWER, "a-wrong-token"):
        assert secret not in shown + caplog.text


@pytest.mark.usefixtures("tokens")
def test_a_viewer_and_a_stranger_may_not_act_nor_may_a_page_of_another_site(tmp_path: Path) -> None:
    config = Config.model_validate({"home": tmp_path})
    client = client_of(tmp_path)
    command = {"verb": "pause", "arguments": {}}

    def ask(**headers: str) -> int:
        return client.post("/api/v1/commands", json=command, headers=headers).status_code

    assert ask() == 401
    assert sign_in(client, LEAD) == 200
    csrf = csrf_of(client.get("/").text)
    assert web_tokens(config).lead == LEAD
    assert ask() == 403
    assert ask(**{"X-CSRF-Token": csrf, "Origin": "http://evil.example"}) == 403
    assert ask(**{"X-CSRF-Token": csrf, "Origin": "null"}) == 403
    assert ask(**{"X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"}) == 403
    assert ask(**{"X-CSRF-Token": csrf, "Origin": "http://localhost"}) == 400  # no store yet


def test_a_foreign_name_of_the_server_is_refused_but_for_the_webhook(tmp_path: Path) -> None:
    woken: list[int] = []
    config = Config.model_validate({"home": tmp_path})
    hints = Hints(secret="s", wake=lambda: woken.append(1))
    client = create_app(lambda: status(0), hints, read_config=lambda: config).test_client()
    foreign = {"Host": "evil.example:8060"}

    assert client.get("/", headers=foreign).status_code == 403
    assert client.get("/status.json", headers={"Host": "127.0.0.1:8060"}).status_code == 200
    sent = {**foreign, "X-Maskloop-Secret": "s", "Origin": "http://ls", "X-Forwarded-For": "::1"}
    assert client.post("/hint", data=b"{}", headers=sent).status_code == 204
    assert woken == [1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"token": 1}',
        b'{"token": "\\ud800"}',
        b"\xff",
        b"[" * 9_000,
        b" " * 99_999,
    ],
)
@pytest.mark.usefixtures("tokens")
def test_an_odd_sign_in_is_refused(tmp_path: Path, body: bytes) -> None:
    answer = client_of(tmp_path).post("/api/v1/session", data=body, content_type="application/json")

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


@pytest.mark.usefixtures("tokens")
def test_a_sign_in_by_a_form_is_refused(tmp_path: Path) -> None:
    assert client_of(tmp_path).post("/api/v1/session", data={"token": LEAD}).status_code == 401


@pytest.mark.usefixtures("tokens")
def test_who_guesses_too_often_has_to_wait(tmp_path: Path) -> None:
    client = client_of(tmp_path)

    tried = [sign_in(client, f"guess-{number}") for number in range(21)]

    assert tried == [401] * 20 + [429]


@pytest.mark.parametrize(
    ("web", "environment", "words"),
    [
        ({"host": "0.0.0.0"}, {}, "a sign-in is required, and there is no token"),
        ({"host": "192.168.1.7"}, {"MASKLOOP_WEB_TOKEN": "short"}, "is too short"),
        ({}, {"MASKLOOP_WEB_TOKEN": "two words, not a token"}, "holds no token"),
        ({}, {"MASKLOOP_WEB_TOKEN": LEAD, "MASKLOOP_VIEWER_TOKEN": LEAD}, "are the same"),
        ({"token_file": "absent"}, {}, "cannot be read"),
    ],
)
def test_the_page_is_not_served_where_the_tokens_do_not_allow_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    web: dict[str, Any],
    environment: dict[str, str],
    words: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config = Config.model_validate({"home": tmp_path, "web": web})

    with pytest.raises(ConfigError, match=words):
        require_web_tokens(config)
    assert words in web_access_faults(config)[0]


def test_the_token_on_loopback_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    config = Config.model_validate({"home": tmp_path})

    make_token(config)
    first = web_tokens(config).lead
    make_token(config)

    (path,) = config.state.iterdir()
    assert len(first) >= 32
    assert web_tokens(config).lead == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.chmod(path, 0o644)
    with pytest.raises(ConfigError, match="others may read"):
        web_tokens(config)


@pytest.mark.usefixtures("tokens")
def test_check_says_when_others_reach_the_page_without_tls(tmp_path: Path) -> None:
    def faults(**web: Any) -> list[str]:
        return list(web_access_faults(Config.model_validate({"home": tmp_path, "web": web})))

    assert "without https" in faults(host="0.0.0.0")[0]
    assert "without https" in faults(names=("pages.example",))[0]
    assert faults(host="0.0.0.0", https=True) == faults() == []


def test_pages_say_who_is_signed_in_and_how_to_sign_in(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    client = client_of(tmp_path)
    config = Config.model_validate({"home": tmp_path})

    before, how = client.get("/").text, client.get("/sign-in").text
    signed_in(client, config)
    after = client.get("/").text

    assert 'href="/sign-in?next=/"' in before
    assert csrf_of(before) == ""
    assert f" --config {tmp_path}/config.toml open</code>" in how
    assert "Sign out" in after
    assert json.loads(client.get("/api/v1/session").text) == {"role": "lead"}
