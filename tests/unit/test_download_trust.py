"""Whom the downloader shows the token to, and whose certificate it believes."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from daemon.domain.errors import ConnectorUnavailable, ImageRefused
from tests.fakes.hostile import LIMIT, TOKEN, HostileServer, answer, downloader, moved


def test_the_credentials_go_home_and_nowhere_else(
    server: HostileServer, other: HostileServer
) -> None:
    server.pages["/a.png"] = moved(f"{other.url}/signed.png")
    other.pages["/signed.png"] = moved(f"{server.url}/b.png")
    server.pages["/b.png"] = answer(b"pixels")

    fetched = downloader(other.place, home=server.url).fetch(f"{server.url}/a.png", LIMIT)

    assert (fetched.content, fetched.authenticated) == (b"pixels", False)
    assert [TOKEN["Authorization"] in head for head in server.heads] == [True, False]
    assert TOKEN["Authorization"] not in other.heads[0]


def test_a_redirect_within_home_keeps_the_credentials(server: HostileServer) -> None:
    server.pages["/a.png"] = moved("/b.png")
    server.pages["/b.png"] = answer(b"pixels")

    assert downloader(home=server.url).fetch(f"{server.url}/a.png", LIMIT).authenticated

    assert all(TOKEN["Authorization"] in head for head in server.heads)


@pytest.mark.parametrize(
    "trick", ["http://{home}\\@{evil}/", "http://{home}@{evil}/", "http://{home}#@{evil}/x"]
)
def test_an_address_that_looks_like_home_gets_no_credentials(
    trick: str, server: HostileServer, other: HostileServer
) -> None:
    address = trick.format(home=server.place, evil=other.place)

    try:
        downloader(other.place, home=server.url).fetch(address, LIMIT)
    except ImageRefused:
        assert other.heads == []
    assert all(TOKEN["Authorization"] not in head for head in other.heads)


def test_a_password_in_an_address_is_not_sent(server: HostileServer) -> None:
    address = f"http://user:password@{server.place}/a.png"

    assert downloader(server.place).fetch(address, LIMIT).status == 404

    assert "Authorization" not in server.heads[0]


def test_home_that_does_not_answer_is_unavailable_and_not_left_alone() -> None:
    with HostileServer() as gone:
        url = gone.url
    fetcher = downloader(home=url)

    for _ in range(2):
        with pytest.raises(ConnectorUnavailable, match="start Label Studio"):
            fetcher.fetch(f"{url}/a.png", LIMIT)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    openssl = shutil.which("openssl")
    assert openssl, "apt-get install openssl"
    path = tmp_path / "server.pem"
    subject = ("-subj", "/CN=images.example", "-addext", "subjectAltName=DNS:images.example")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "1", "-nodes")
    subprocess.run(
        [openssl, "req", "-x509", *kind, *subject, "-keyout", path, "-out", tmp_path / "c.pem"],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + (tmp_path / "c.pem").read_bytes())
    return path


def test_the_certificate_must_be_the_one_of_the_name_that_was_asked_for(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **options: real(
            "127.0.0.1" if str(host).endswith(".example") else host, *rest, **options
        ),
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    trusted = ssl.create_default_context(cafile=str(certificate.parent / "c.pem"))
    with HostileServer(tls=tls) as server:
        server.pages["/a.png"] = answer(b"pixels")
        fetcher = downloader("127.0.0.1", verify=trusted)

        fetched = fetcher.fetch(f"https://images.example:{server.port}/a.png", LIMIT)
        with pytest.raises(ImageRefused, match="certificate"):
            fetcher.fetch(f"https://other.example:{server.port}/a.png", LIMIT)

    assert fetched.content == b"pixels"
