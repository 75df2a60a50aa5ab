"""Signing in to Label Studio: tokens that run out, change or are refused, and what is said."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import refusal
from daemon.config.loading import Config
from daemon.config.tokens import token_reader
from daemon.domain.errors import ConfigError, ConnectorRefused, ConnectorUnavailable, OutcomeUnknown
from tests.fakes.label_studio import FakeLabelStudio

TITLE = {"title": "access"}
MakeApi = Callable[[Callable[[], str]], Api]


@pytest.fixture
def server() -> Iterator[FakeLabelStudio]:
    with FakeLabelStudio() as running:
        yield running


@pytest.fixture
def sign_in(server: FakeLabelStudio) -> Iterator[MakeApi]:
    made: list[Api] = []

    def make(token: Callable[[], str]) -> Api:
        made.append(Api(server.url, token, sleep=lambda seconds: None))
        return made[-1]

    yield make
    for api in made:
        api.close()


def asked_for_access(server: FakeLabelStudio) -> int:
    return server.requests.count("POST /api/token/refresh/")


def test_a_personal_token_is_exchanged_once_for_many_requests(
    server: FakeLabelStudio, sign_in: MakeApi
) -> None:
    api = sign_in(lambda: server.personal_token)

    for _ in range(3):
        api.get("api/projects/")

    assert asked_for_access(server) == 1


def test_access_that_the_server_took_back_is_renewed_and_the_write_happens_once(
    server: FakeLabelStudio, sign_in: MakeApi
) -> None:
    api = sign_in(lambda: server.personal_token)
    api.get("api/projects/")
    server.access_tokens.clear()

    api.post("api/projects/", TITLE)

    assert asked_for_access(server) == 2
    assert len(server.labeling.projects) == 1


def test_access_that_ran_out_by_our_clock_is_renewed_before_the_request(
    server: FakeLabelStudio, sign_in: MakeApi
) -> None:
    server.access_seconds = -10
    api = sign_in(lambda: server.personal_token)

    for _ in range(3):
        api.get("api/projects/")

    assert asked_for_access(server) == 6  # before the request, and once more with it
    assert len([line for line in server.requests if "projects" in line]) == 3


@pytest.mark.parametrize("how", ["refuse", 429, 500, 503])
def test_an_exchange_that_fails_leaves_no_doubt_about_the_write(
    how: str | int, server: FakeLabelStudio, sign_in: MakeApi
) -> None:
    server.fail("POST", "/api/token/refresh/", how, times=2)
    api = sign_in(lambda: server.personal_token)

    with pytest.raises(ConnectorUnavailable) as caught:
        api.post("api/projects/", TITLE)

    assert not isinstance(caught.value, OutcomeUnknown)
    assert server.labeling.projects == {}


def test_a_personal_token_that_is_refused_says_where_to_make_a_new_one(
    server: FakeLabelStudio, sign_in: MakeApi
) -> None:
    old, server.personal_token = server.personal_token, "another"

    with pytest.raises(ConnectorRefused, match=r"HTTP 401 .*make a new one") as caught:
        sign_in(lambda: old).get("api/projects/")

    assert old not in chain(caught.value)


def test_a_personal_token_that_ran_out_says_so(server: FakeLabelStudio, sign_in: MakeApi) -> None:
    gone = jwt.encode({"token_type": "refresh", "exp": int(time.time()) - 10}, "k" * 32)

    with pytest.raises(ConnectorRefused, match="expired"):
        sign_in(lambda: gone).get("api/projects/")

    assert server.requests == []


def test_an_exchange_with_something_else_than_label_studio_is_said(
    server: FakeLabelStudio, sign_in: MakeApi
) -> None:
    server.exchange_answer = b"<html>Welcome"

    with pytest.raises(ConnectorRefused, match="is this the address of Label Studio"):
        sign_in(lambda: server.personal_token).get("api/projects/")


def test_a_token_file_may_change_between_two_requests(
    server: FakeLabelStudio, sign_in: MakeApi, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    settings = {"label_studio": {"token_file": "token"}, "home": tmp_path}
    api = sign_in(token_reader(Config.model_validate(settings)))

    def rotate(token: str) -> None:
        part = tmp_path / "part"
        part.touch(0o600)
        part.write_text(f"{token}\n")
        part.replace(file)

    rotate(server.token)
    api.get("api/projects/")
    server.token = "3" * 40
    with pytest.raises(ConnectorRefused, match="copy it again"):
        api.get("api/projects/")
    rotate(server.token)
    api.get("api/projects/")
    server.legacy_tokens_enabled = False
    with pytest.raises(ConnectorRefused, match="personal access token"):
        api.get("api/projects/")
    rotate(server.personal_token)
    api.get("api/projects/")
    file.unlink()
    with pytest.raises(ConfigError, match="token_file"):
        api.get("api/projects/")


@pytest.mark.parametrize(
    ("status", "words"), [(401, "copy it again"), (403, "member"), (404, "project's number")]
)
def test_every_refusal_has_its_cure(
    status: int, words: str, server: FakeLabelStudio, sign_in: MakeApi
) -> None:
    server.fail("GET", "/api/projects/", status, times=2)

    with pytest.raises(ConnectorRefused, match=words):
        sign_in(lambda: server.token).get("api/projects/")


def test_label_studios_own_guard_against_private_addresses_has_its_cure() -> None:
    said = "URL resolves to a reserved network address (block: 127.0.0.0/8)"

    words = str(refusal("POST webhooks", 403, said))

    assert "LABEL_STUDIO_SSRF_PROTECTION_ENABLED=false" in words
    assert "LABEL_STUDIO_ML_BLOCK_LOCAL_IP=false" in words


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500])
def test_no_error_and_no_log_line_holds_a_token(
    status: int, server: FakeLabelStudio, sign_in: MakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    api = sign_in(lambda: server.personal_token)
    api.get("api/projects/")
    (access,) = server.access_tokens
    server.fail("GET", "/api/projects/", status, times=3)

    with pytest.raises((ConnectorRefused, ConnectorUnavailable)) as caught:
        api.get("api/projects/")

    for secret in (server.personal_token, access, *server.access_tokens):
        assert secret not in chain(caught.value)
        assert secret not in caplog.text


def chain(error: BaseException | None) -> str:
    """All that a traceback would print, without the frames."""
    words = ""
    while error is not None:
        words += f"{error} {error!r} {getattr(error, 'body', '')}\n"
        error = error.__cause__ or error.__context__
    return words


def test_the_api_follows_no_redirect(server: FakeLabelStudio, sign_in: MakeApi) -> None:
    with FakeLabelStudio() as other:
        server.redirect_to = other.url
        with pytest.raises(ConnectorRefused, match="put the address it ends at"):
            sign_in(lambda: server.token).get("api/projects/")

        assert other.requests == []
        assert httpx.get(f"{server.url}/api/projects/", timeout=60).is_redirect
