"""A web server that says exactly what a test wants it to, on the wire, however wrong.

with HostileServer() as server:
    server.pages["/a.png"] = answer(b"...")
"""

from __future__ import annotations

import socketserver
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from connectors.images.addresses import AllowedHosts
from connectors.images.download import Downloader
from tests.fakes.serving import Serving

Script = Callable[[], Iterator[bytes]]  # what is sent, piece by piece
LIMIT = 100_000  # bytes
TOKEN = {"Authorization": "Token 0123456789abcdef"}


class HostileServer(Serving):
    """pages: by path, with its query. heads: what each request said; sent: bytes given out."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Script] = {}
        self.heads: list[str] = []
        self.sent = 0
        self._tls, self.host = tls, host
        server = _Server((host, 0), _handler(self))
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        self.port = int(server.server_address[1])
        super().__init__(server)

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.place}"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        pass


def _handler(server: HostileServer) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = "".join(iter(lambda: self.rfile.readline().decode("latin-1"), "\r\n"))
            server.heads.append(head)
            script = server.pages.get(head.split(" ")[1], answer(b"", "404 Not Found"))
            with suppress(OSError):
                for piece in script():
                    self.wfile.write(piece)
                    server.sent += len(piece)

    return Handler


def answer(content: bytes, status: str = "200 OK", **headers: str) -> Script:
    """One whole answer; the connection is closed after it."""
    lines = {"Content-Length": str(len(content)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return lambda: iter([f"HTTP/1.1 {status}\r\n{head}\r\n".encode(), content])


def moved(target: str, status: str = "302 Found") -> Script:
    """A redirect."""
    return answer(b"", status, Location=target)


def endless() -> Iterator[bytes]:
    """A body without end, of unknown length."""
    yield b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n"
    while True:
        yield bytes(65536)


def dripping(head: bytes) -> Script:
    """`head`, then a byte every 20 ms."""

    def script() -> Iterator[bytes]:
        yield head
        while True:
            time.sleep(0.02)
            yield b"x"

    return script


def downloader(
    *allowed: str, home: str = "http://label-studio.example:8080", **options: Any
) -> Downloader:
    """A downloader that may go to these places, and home with TOKEN."""
    return Downloader(
        allowed=AllowedHosts.parse(allowed),
        label_studio_url=home,
        credentials=lambda: TOKEN,
        **{"verify": ssl.create_default_context(), **options},
    )
