"""The downloader against web servers that mean no good, on real sockets."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.images.download import BACKOFF_S
from daemon.domain.errors import ImageRefused
from tests.fakes.hostile import (
    LIMIT,
    HostileServer,
    answer,
    downloader,
    dripping,
    endless,
    moved,
)


def test_an_image_of_an_allowed_machine_arrives_whole(server: HostileServer) -> None:
    server.pages["/a%20%C3%BC.png?v=1"] = answer(b"pixels")

    fetched = downloader(server.place).fetch(f"{server.url}/a ü.png?v=1", LIMIT)

    assert (fetched.status, fetched.content, fetched.authenticated) == (200, b"pixels", False)
    assert "Authorization" not in server.heads[0]
    assert f"Host: {server.place}" in server.heads[0]


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0.0.0.0"),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "[::1]", "[64:ff9b::7f00:1]"),
    ],
)
def test_this_machine_is_refused_however_it_is_written(host: str, server: HostileServer) -> None:
    with pytest.raises(ImageRefused, match="allow_hosts"):
        downloader().fetch(f"http://{host}:{server.port}/a.png", LIMIT)

    assert server.heads == []


def test_a_redirect_to_a_private_address_is_refused(
    server: HostileServer, other: HostileServer
) -> None:
    server.pages["/a.png"] = moved(f"{other.url}/latest/meta-data/")

    with pytest.raises(ImageRefused, match="allow_hosts"):
        downloader(server.place).fetch(f"{server.url}/a.png", LIMIT)

    assert other.heads == []


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://host/a.png", "gopher://x/", "http://", "http://[::1"]
)
def test_a_redirect_to_another_kind_of_address_is_refused(
    target: str, server: HostileServer
) -> None:
    server.pages["/a.png"] = moved(target)

    with pytest.raises(ImageRefused, match="redirect"):
        downloader(server.place).fetch(f"{server.url}/a.png", LIMIT)


def test_five_redirects_are_followed_and_no_more(server: HostileServer) -> None:
    for number in range(6):
        server.pages[f"/{number}"] = moved(f"{number + 1}", "307 Temporary Redirect")
    server.pages["/6"] = answer(b"pixels")

    assert downloader(server.place).fetch(f"{server.url}/1", LIMIT).content == b"pixels"
    with pytest.raises(ImageRefused, match="more than 5 redirects"):
        downloader(server.place).fetch(f"{server.url}/0", LIMIT)


def test_a_redirect_without_a_target_is_refused(server: HostileServer) -> None:
    server.pages["/a.png"] = answer(b"", "302 Found")

    with pytest.raises(ImageRefused, match="without a Location"):
        downloader(server.place).fetch(f"{server.url}/a.png", LIMIT)


def test_a_name_that_changes_its_mind_is_connected_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, real = [], socket.getaddrinfo

    def rebinding(host: str, *rest: Any, **options: Any) -> Any:
        asked.append(host)
        first = asked.count("images.example") == 1
        known = {"images.example": "127.0.0.1" if first else "127.0.0.2"}
        return real(known.get(host, host), *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with HostileServer("127.0.0.1") as public, HostileServer("127.0.0.2") as private:
        public.pages["/a.png"] = answer(b"pixels")
        address = f"http://images.example:{public.port}/a.png"

        fetched = downloader("127.0.0.1").fetch(address, LIMIT)  # stands for the internet
        with pytest.raises(ImageRefused, match=r"127\.0\.0\.2"):
            downloader("127.0.0.1").fetch(address, LIMIT)

    assert fetched.content == b"pixels"
    assert asked.count("images.example") == 2  # once a fetch
    assert private.heads == []


def test_endless_bytes_are_cut_off(server: HostileServer) -> None:
    server.pages["/a.png"] = endless

    with pytest.raises(ImageRefused, match=f"more than {LIMIT} bytes"):
        downloader(server.place).fetch(f"{server.url}/a.png", LIMIT)

    time.sleep(0.05)
    assert server.sent < 20_000_000  # what the kernel's buffers hold


def test_an_announced_size_is_refused_before_a_byte_is_read(server: HostileServer) -> None:
    server.pages["/a.png"] = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n")

    with pytest.raises(ImageRefused, match=f"more than {LIMIT} bytes"):
        downloader(server.place).fetch(f"{server.url}/a.png", LIMIT)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
    ],
)
def test_slow_drips_end_with_the_time_for_one_image(head: bytes, server: HostileServer) -> None:
    server.pages["/a.png"] = dripping(head)
    started = time.monotonic()

    with pytest.raises(ImageRefused):
        downloader(server.place, total_s=0.3).fetch(f"{server.url}/a.png", LIMIT)

    assert time.monotonic() - started < 1.5


def test_time_is_counted_over_all_redirects(server: HostileServer) -> None:
    def slowly() -> Iterator[bytes]:
        time.sleep(0.15)
        yield from moved("/a.png")()

    server.pages["/a.png"] = slowly

    with pytest.raises(ImageRefused, match="time"):
        downloader(server.place, total_s=0.4).fetch(f"{server.url}/a.png", LIMIT)


def test_a_content_length_that_lies_is_no_way_around_the_limits(server: HostileServer) -> None:
    url, fetcher = f"{server.url}/a.png", downloader(server.place)
    server.pages["/a.png"] = answer(b"x" * 50, Content_Length="10")
    assert fetcher.fetch(url, LIMIT).content == b"x" * 10  # too short to be a whole image

    for lie in ("60", "-1", "1e3", "5, 6"):
        server.pages["/a.png"] = answer(b"x" * 50, Content_Length=lie)
        with pytest.raises(ImageRefused):
            fetcher.fetch(url, LIMIT)


@pytest.mark.parametrize("packed", ["gzip", "br", "gzip, gzip"])
def test_packed_bytes_are_refused_and_not_unpacked(packed: str, server: HostileServer) -> None:
    bomb = gzip.compress(bytes(5_000_000))
    server.pages["/a.png"] = answer(bomb, Content_Encoding=packed)

    with pytest.raises(ImageRefused, match="packed"):
        downloader(server.place).fetch(f"{server.url}/a.png", LIMIT)

    assert "Accept-Encoding: identity" in server.heads[0]


@pytest.mark.parametrize("junk", [b"", b"\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 99999 Hi\r\n\r\n"])
def test_what_is_not_http_is_refused(junk: bytes, server: HostileServer) -> None:
    server.pages["/a.png"] = lambda: iter([junk])

    with pytest.raises(ImageRefused):
        downloader(server.place).fetch(f"{server.url}/a.png", LIMIT)


def test_a_host_that_does_not_answer_is_left_alone_for_a_while() -> None:
    with HostileServer() as gone:
        address, place = f"{gone.url}/a.png", gone.place
    clock = [1000.0]
    fetcher = downloader(place, monotonic=lambda: clock[0])

    with pytest.raises(ImageRefused, match="is that server up"):
        fetcher.fetch(address, LIMIT)
    with pytest.raises(ImageRefused, match="asked again in"):
        fetcher.fetch(address, LIMIT)
    clock[0] += BACKOFF_S
    with pytest.raises(ImageRefused, match="is that server up"):
        fetcher.fetch(address, LIMIT)


def test_an_unknown_host_is_refused() -> None:
    with pytest.raises(ImageRefused, match="no address is known"):
        downloader().fetch("http://no-such-host.invalid/a.png", LIMIT)


@pytest.mark.parametrize(
    "address", ["", "a.png", "//host/a.png", "file:///etc/passwd", "http:///a.png", "http://\0/"]
)
def test_what_is_no_web_address_is_refused(address: str) -> None:
    with pytest.raises(ImageRefused, match="address"):
        downloader().fetch(address, LIMIT)
