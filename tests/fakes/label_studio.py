"""A Label Studio for tests: a real HTTP server in a thread, true to what was measured.

with FakeLabelStudio() as server:
    server.fail("POST", "/import$", "drop after")  # commits, then closes the connection
    server.begin(drawn(np.random.default_rng(7), 100, 0.1))  # by request, see faults.py
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt

from tests.fakes.clock import SharedClock
from tests.fakes.faults import PATIENCE_S, Fault, Kind, Plan, Unanswered
from tests.fakes.labeling import Answer, Labeling
from tests.fakes.pages import OPEN, ROUTES, Request
from tests.fakes.serving import Serving

ADMIN = "admin@example.org"


class FakeLabelStudio(Serving):
    """The server. `labeling` is its database; `requests` are the lines it received.

    people_work: called when the plan says so. clock: moved by the waits of the plan.
    """

    def __init__(self, document_root: Path | None = None) -> None:
        self.labeling = Labeling()
        self.clock = SharedClock()
        self.people_work: Callable[[], None] = lambda: None
        self._begin: tuple[int, Plan] = (0, {})
        self._late: list[tuple[int, Request]] = []  # when, and what
        self.surfaced: list[Request] = []  # done when the client had given up
        self._down_until = 0
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

    def begin(self, plan: Plan) -> None:
        """Count requests from 0 again, for this plan; what was late is still to come."""
        self._begin = (len(self.requests), plan)
        self._down_until = 0

    def surface(self) -> None:
        """Do now whatever clients gave up on."""
        self._surface_until(max((when for when, _ in self._late), default=0))

    def answer(self, request: Request) -> tuple[int, Any]:
        """One request at a time, like SQLite. Raises Unanswered."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(f"{request.method} {request.path}")
            self._surface_until(number)
            if number < self._down_until:
                raise Unanswered("refused")
            return self._answer(request, self._take_fault(request, number), number)

    def done(self, request: Request) -> tuple[int, Any]:
        """The work of a request, without a fault."""
        try:
            return self._route(request)
        except Answer as exc:
            return exc.status, exc.body

    def _answer(self, request: Request, fault: Fault | None, number: int) -> tuple[int, Any]:
        if fault is None:
            return self.done(request)
        self._go_wrong(request, fault, number)
        if fault.kind is Kind.STATUS:
            return fault.status, {"detail": "as told"}
        result = self.done(request)
        if fault.kind is Kind.DROP:
            raise Unanswered("closed")
        if fault.kind is Kind.WAIT:
            self.clock.sleep(PATIENCE_S)
            raise Unanswered("timed out")
        if fault.kind is Kind.SLOW:
            self.clock.sleep(PATIENCE_S / 2)
            self.people_work()
        return (fault.status, {"detail": "proxy"}) if fault.status else result

    def _go_wrong(self, request: Request, fault: Fault, number: int) -> None:
        """What a fault does before the work; raises where there is no answer."""
        if fault.kind is Kind.PEOPLE:
            self.people_work()
        if fault.kind is Kind.CLOCK:
            self.labeling.wait(fault.seconds)
        if fault.kind is Kind.RESTART:
            self._down_until = number + 1 + fault.after
        if fault.kind in (Kind.REFUSE, Kind.RESTART):
            raise Unanswered("refused")
        if fault.kind is Kind.CLOSE:
            raise Unanswered("closed")
        if fault.kind is Kind.LATE:
            self._late.append((number + fault.after, request))
            self.clock.sleep(PATIENCE_S)
            raise Unanswered("timed out")

    def _surface_until(self, number: int) -> None:
        due = [request for when, request in self._late if when <= number]
        self._late = [(when, request) for when, request in self._late if when > number]
        self.surfaced += due
        for request in due:
            self.done(request)

    def _take_fault(self, request: Request, number: int) -> Fault | None:
        for fault in self._faults:
            if fault[0] == request.method and re.search(fault[1], request.path):
                self._faults.remove(fault)
                return _told(fault[2])
        first, plan = self._begin
        return plan.get(number - first)

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


def _told(how: str | int) -> Fault:
    if isinstance(how, int):
        return Fault(kind=Kind.STATUS, status=how)
    return Fault(kind={"refuse": Kind.CLOSE, "drop after": Kind.DROP}[how])


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


def content_of(status: int, body: Any) -> bytes:
    """What is sent for an answer."""
    if status == 204:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _cookies(status: int, body: Any) -> Iterator[str]:
    yield "csrftoken=x; Path=/"
    if status == 302 and "cookie" in body:
        yield f"sessionid={body['cookie']}; Path=/"
