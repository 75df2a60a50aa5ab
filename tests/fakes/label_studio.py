"""A Label Studio for tests: a real HTTP server in a thread, true to what was measured.

with FakeLabelStudio() as server:
    server.fail("POST", "/import$", "drop after")  # commits, then closes the connection
    server.begin(drawn(np.random.default_rng(7), 100, 0.1))  # by request, see faults.py
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from email.utils import format_datetime
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt

from tests.fakes.faults import Unanswered
from tests.fakes.faulty import Faulty, content_of
from tests.fakes.labeling import Answer, Labeling
from tests.fakes.ml_backends import ML_ROUTES
from tests.fakes.pages import OPEN, ROUTES, Request
from tests.fakes.serving import Serving
from tests.fakes.webhooks import Deliveries, action_of

ADMIN = "admin@example.org"


class FakeLabelStudio(Faulty, Serving):
    """The server. `labeling` is its database."""

    def __init__(self, document_root: Path | None = None) -> None:
        Faulty.__init__(self)
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
        self.page_size_max = 10**6  # TASK_API_PAGE_SIZE_MAX
        self.legacy_tokens_enabled = True
        self.people = {ADMIN: "admin password"}
        self.uploads: dict[str, bytes] = {}  # by path
        self.cloud: dict[str, bytes | str] = {}  # what storages hold, or where it is, by address
        self.webhooks: dict[int, dict[str, Any]] = {}
        self.backends: dict[int, dict[str, Any]] = {}  # of ML
        self.blocks_private = True  # webhooks to loopback, as by default
        self.deliveries = Deliveries(iter(()))
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{server.server_port}"
        Serving.__init__(self, server)

    def done(self, request: Request) -> tuple[int, Any]:
        try:
            result = self._route(request)
        except Answer as exc:
            return exc.status, exc.body
        action = action_of(request.method, request.path)
        for hook in self.webhooks.values() if action else ():
            self.deliveries.post(hook, str(action))
        return result

    def headers(self) -> dict[str, str]:
        return {"Date": format_datetime(self.labeling.moment(), usegmt=True)}

    def jump(self, seconds: float) -> None:
        self.labeling.wait(seconds)

    def _route(self, request: Request) -> tuple[int, Any]:
        if self.redirect_to:
            return 302, {"location": f"{self.redirect_to}{request.path}"}
        for method, pattern, work in (*ROUTES, *ML_ROUTES):
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
            except Unanswered:
                self.close_connection = True
                return
            content = content_of(status, body)
            self.send_response(status)
            if isinstance(body, dict) and "location" in body:
                self.send_header("Location", body["location"])
            for cookie in _cookies(status, body):
                self.send_header("Set-Cookie", cookie)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

    return Handler


def _cookies(status: int, body: Any) -> Iterator[str]:
    yield "csrftoken=x; Path=/"
    if status == 302 and "cookie" in body:
        yield f"sessionid={body['cookie']}; Path=/"
