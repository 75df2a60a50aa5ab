"""The pages on a real port: what a hostile client gets, and what `maskloop open` gives."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from daemon.cli.commands import main
from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.domain.errors import ConfigError
from daemon.store import FILE, Store
from daemon.web.server import serving
from tests.fakes.statuses import status
from tests.fakes.visitors import csrf_of

JSON = "application/json"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = Config.model_validate({"home": tmp_path})
    (tmp_path / "config.toml").write_text(render(config))
    with Store(config.state / FILE):
        pass
    return config


@pytest.fixture
def address(config: Config) -> Iterator[str]:
    with serving(lambda: status(4), read_config=lambda: config) as found:
        yield found


def raw(address: str, request: str) -> str:
    """The answer to the bytes of a request."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode("latin-1")


@pytest.mark.parametrize(
    ("request_text", "answer"),
    [
        ("GET /status.json HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"),
        ("GET /status.json HTTP/1.0\r\n\r\n", "403"),
        ("GET /status.json HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", "4"),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"),
        ("GET /?a=%0d%0aSet-Cookie:x=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "200"),
        ("GET //evil.example/%2e%2e HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "404"),
        (
            "POST /api/v1/commands HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999\r\n\r\n",
            "413",
        ),
        ("TRACE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "405"),
        ('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: maskloop-00000000=\xff"; a\r\n\r\n', "200"),
    ],
)
def test_a_hostile_request_is_refused(address: str, request_text: str, answer: str) -> None:
    found = raw(address, request_text)

    assert found.split(" ", 2)[1].startswith(answer), found[:300]
    assert "x=1" not in found.partition("\r\n\r\n")[0]


def test_a_link_of_the_command_line_signs_in_once(
    config: Config, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(config.home / "config.toml"), "open"]) == 0
    link = capsys.readouterr().out.splitlines()[-1]
    assert link.startswith("http://127.0.0.1:8060/sign-in#")
    code = link.partition("#")[2]
    own = {"Origin": address, "Content-Type": JSON}
    command = json.dumps({"verb": "pause", "arguments": {"reason": "雾\r\nSet-Cookie: x"}})

    with (
        httpx.Client(base_url=address, timeout=60) as lead,
        httpx.Client(base_url=address, timeout=60) as late,
    ):
        assert lead.post("/api/v1/session", json={"code": code}).json() == {"role": "lead"}
        assert late.post("/api/v1/session", json={"code": code}).status_code == 401
        headers = {**own, "X-CSRF-Token": csrf_of(lead.get("/").text)}
        asked = lead.post("/api/v1/commands", content=command, headers=headers)
        assert (asked.status_code, asked.json()) == (202, {"id": 1})
        assert late.post("/api/v1/commands", content=command, headers=headers).status_code == 401
        tried = [
            lead.post("/api/v1/commands", content="{}", headers=headers).status_code
            for _ in range(60)
        ]
        assert (tried[0], tried[-1]) == (400, 429)


def test_a_page_that_others_reach_is_not_served_without_a_token(config: Config) -> None:
    web = config.web.model_copy(update={"host": "0.0.0.0"})
    open_to_all = config.model_copy(update={"web": web})

    with (
        pytest.raises(ConfigError, match="a sign-in is required, and there is no token"),
        serving(lambda: status(0), "0.0.0.0", read_config=lambda: open_to_all),
    ):
        pass
