"""A Label Studio for tests: a real HTTP server in a thread, true to what was measured.

with FakeLabelStudio() as server:
    server.fail("POST", "/import$", "drop after")  # commits, then closes the connection
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from email.utils import format_datetime
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt

from tests.fakes.labeling import Answer, Labeling
from tests.fakes.pages import OPEN, ROUTES, Request
from tests.fakes.serving import Serving

ADMIN = "admin@example.org"
FAULTS = ("refuse", "drop after")


class FakeLabelStudio(Serving):
    """The server. `labeling` is its database; `requests` are the lines it received."""

    def __init__(self, document_root: Path | None = None) -> None:
        self.labeling = Labeling()
        self.document_root = document_root
        self.token = "1" * 40
        self.personal_token = jwt.encode(
            {"token_type": "refresh", "exp": int(time.time()) + 10**9}, "k" * 32
        )
        self.access_tokens: set[str] = set()
        self.access_seconds = 300
        self.exchange_answer: bytes | None = None  # instead of an access token
        self.redirect_to = ""
        self.legacy_tokens_enabled = True
        self.people = {ADMIN: "admin password"}
        self.uploads: dict[str, bytes] = {}  # by path
        self.cloud: dict[str, bytes | str] = {}  # what storages hold, or where it is, by address
        self.webhooks: dict[int, dict[str, Any]] = {}
        self.blocks_private = True  # webhooks to loopback, as by default
        self.requests: list[str] = []
        self._faults: list[tuple[str, str, str | int]] = []
        self._lock = threading.Lock()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{server.server_port}"
        super().__init__(server)

    def fail(self, method: str, path: str, how: str | int, times: int = 1) -> None:
        """The next requests that match: closed at once ("refuse"), closed after the work
        ("drop after"), or answered with this status and no work."""
        self._faults += [(method, path, how)] * times

    def answer(self, request: Request) -> tuple[int, Any]:
        """One request at a time, like SQLite."""
        with self._lock:
            self.requests.append(f"{request.method} {request.path}")
            fault = self._take_fault(request)
            if fault == "refuse":
                raise ConnectionAbortedError
            if isinstance(fault, int):
                return fault, {"detail": "as told"}
            try:
                result = self._route(request)
            except Answer as exc:
                result = exc.status, exc.body
            if fault == "drop after":
                raise ConnectionAbortedError
            return result

    def _take_fault(self, request: Request) -> str | int | None:
        for fault in self._faults:
            if fault[0] == request.method and re.search(fault[1], request.path):
                self._faults.remove(fault)
                return fault[2]
        return None

    def _route(self, request: Request) -> tuple[int, Any]:
        if self.redirect_to:
            return 302, {"location": f"{self.redirect_to}{request.path}"}
        for method, pattern, work in ROUTES:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                request.user = self._who(request)
                if request.user is None and work not in OPEN:
                    raise Answer(401, {"detail": self._why_not(request)})
                return work(self, request, *(int(text) for text in found.groups()))
        raise Answer(404, {"detail": f"no such page {request.method} {request.path}"})

    def _who(self, request: Request) -> int | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind == "Token" and token == self.token and self.legacy_tokens_enabled:
            return 1
        if kind == "Bearer" and token in self.access_tokens:
            return 1
        session = SimpleCookie(request.headers.get("Cookie", "")).get("sessionid")
        return list(self.people).index(session.value) + 1 if session else None

    def _why_not(self, request: Request) -> str:
        if not self.legacy_tokens_enabled:
            return "legacy token authentication has been disabled for this organization"
        return "Invalid token."


def _handler(server: FakeLabelStudio) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer, or each waits 40 ms for an acknowledgement

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(server.labeling.moment(), usegmt=True)

        def log_message(self, *_: object) -> None:
            pass

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            request = Request(self.command, self.path, self.headers, self.rfile.read(length))
            try:
                status, body = server.answer(request)
            except ConnectionAbortedError:
                self.close_connection = True
                return
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            if isinstance(body, dict) and "location" in body:
                self.send_header("Location", body["location"])
            for cookie in _cookies(status, body):
                self.send_header("Set-Cookie", cookie)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content) if status != 204 else 0))
            self.end_headers()
            if status != 204:
                self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

    return Handler


def _cookies(status: int, body: Any) -> Iterator[str]:
    yield "csrftoken=x; Path=/"
    if status == 302 and "cookie" in body:
        yield f"sessionid={body['cookie']}; Path=/"
