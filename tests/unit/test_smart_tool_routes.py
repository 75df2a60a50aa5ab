"""The addresses that Label Studio calls: a password, and 200 for all the rest."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from daemon.config.loading import Config
from daemon.config.smart_tool_secret import FILE, smart_tool_secret
from daemon.domain.errors import ConfigError
from daemon.web.access.gate import LARGEST_BODY_BYTES
from daemon.web.app import create_app
from tests.fakes.clicking import body, click_tool, clicked_store, point
from tests.fakes.statuses import status

SECRET = "a long enough password"


def basic(user: str, password: str) -> dict[str, str]:
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


KNOWN = basic("maskloop", SECRET)


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    clicked_store(tmp_path)
    tool = click_tool(tmp_path, secret=SECRET)
    return create_app(lambda: status(0), smart_tool=tool).test_client()


def test_a_click_with_the_password_is_answered(client: FlaskClient) -> None:
    answer = client.post("/smart-tool/predict", data=body(point()), headers=KNOWN)

    assert answer.status_code == 200
    assert answer.get_json()["results"][0]["result"][0]["value"]["bitmasklabels"] == ["weed"]


def test_label_studio_can_connect(client: FlaskClient) -> None:
    token = b'{"access_token": "of somebody"}'
    health = client.get("/smart-tool/health", headers=KNOWN)
    setup = client.post("/smart-tool/setup", headers=KNOWN, data=token)

    assert (health.status_code, health.get_json()) == (200, {"status": "UP"})
    assert setup.get_json() == {"model_version": "maskloop-smart-tool"}
    assert client.get("/smart-tool/versions", headers=KNOWN).get_json() == {"versions": []}
    assert client.post("/smart-tool/webhook", data=b"anything").status_code == 204


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("maskloop", "guess"),
        basic("somebody", SECRET),
        basic("", ""),
        {"Authorization": f"Bearer {SECRET}"},
        {"Authorization": "Basic !"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
    ],
)
def test_without_the_password_nothing_is_answered(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    click = client.post("/smart-tool/predict", data=body(point()), headers=headers)

    assert click.status_code == 401
    assert "result" not in click.text
    assert client.get("/smart-tool/health", headers=headers).status_code == 401


@pytest.mark.parametrize("content", [b"", b"\0", b"{}", b"null", b'{"tasks": [null]}'])
def test_nonsense_with_the_password_is_a_valid_empty_answer(
    client: FlaskClient, content: bytes
) -> None:
    answer = client.post("/smart-tool/predict", data=content, headers=KNOWN)

    assert answer.status_code == 200
    assert answer.get_json()["results"][0]["result"] == []


def test_only_a_click_may_be_large(client: FlaskClient) -> None:
    large = b"x" * (LARGEST_BODY_BYTES + 1)

    assert client.post("/smart-tool/predict", data=large, headers=KNOWN).status_code == 200
    assert client.post("/api/v1/commands", data=large).status_code == 413
    assert client.post("/hint", data=large).status_code == 413


def test_without_the_smart_tool_there_is_no_such_address() -> None:
    client = create_app(lambda: status(0)).test_client()

    assert client.get("/smart-tool/health", headers=KNOWN).status_code == 404


def test_the_password_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    config = Config.model_validate({"home": tmp_path})

    made = smart_tool_secret(config)

    file = config.state / FILE
    assert smart_tool_secret(config) == made == file.read_text().strip()
    assert len(made) > 30
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        smart_tool_secret(config)
