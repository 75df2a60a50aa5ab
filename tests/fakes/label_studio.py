"""A Label Studio for tests: a real HTTP server in a thread, true to what was measured.

with FakeLabelStudio() as server:
    server.fail("POST", "/import$", "drop after")  # commits, then closes the connection
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import jwt

from tests.fakes.labeling import Answer, Labeling

ADMIN = "admin@example.org"
FAULTS = ("refuse", "drop after")


class FakeLabelStudio:
    """The server. `labeling` is its database; `requests` are the lines it received."""

    def __init__(self, document_root: Path | None = None) -> None:
        self.labeling = Labeling()
        self.document_root = document_root
        self.token = "1" * 40
        self.personal_token = jwt.encode(
            {"token_type": "refresh", "exp": int(time.time()) + 10**9}, "k" * 32
        )
        self.access_tokens: set[str] = set()
        self.legacy_tokens_enabled = True
        self.people = {ADMIN: "admin password"}
        self.requests: list[str] = []
        self._faults: list[tuple[str, str, str | int]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

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
        for method, pattern, work in _ROUTES:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                request.user = self._who(request)
                if request.user is None and work not in _OPEN:
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


class Request:
    """A parsed request; the handler fills it in."""

    def __init__(self, method: str, target: str, headers: Any, body: bytes) -> None:
        parts = urlsplit(target)
        self.method, self.path, self.headers = method, parts.path, headers
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.raw = body
        self.user: int | None = None

    @property
    def body(self) -> Any:
        return json.loads(self.raw or b"{}")

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.raw.decode()).items()}


def _tasks(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    labeling, query = server.labeling, json.loads(unquote(request.query["query"]))
    conditions = query["filters"]["items"]
    rows = [
        task
        for task in labeling.of(int(request.query["project"]))
        if all(labeling.meets(task, one) for one in conditions)
    ]
    rows.sort(key=lambda task: task[query["ordering"][0].removeprefix("tasks:")])
    size, page = int(request.query["page_size"]), int(request.query["page"])
    shown = rows[(page - 1) * size : page * size]
    if page > 1 and not shown:
        raise Answer(404, {"detail": "Invalid page."})
    include = set(request.query["include"].split(","))
    versions = any("predictions_model_versions" in one["filter"] for one in conditions)
    full = request.query["fields"] == "all"
    return 200, {
        "total": len(rows),
        "tasks": [labeling.shown_task(task, include, versions, full) for task in shown],
    }


def _projects(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    rows = server.labeling.projects.values()
    title = request.query.get("title", "")
    return 200, {"results": [row for row in rows if title in row["title"]]}


def _storages(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    project = int(request.query["project"])
    return 200, [row for row in server.labeling.storages if row["project"] == project]


def _register(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    path, root = Path(request.body["path"]), server.document_root
    if root is None or root not in path.parents:
        raise Answer(400, {"detail": "path must be inside the document root"})
    server.labeling.storages.append(request.body)
    return 201, request.body


def _serve(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    root = server.document_root
    path = (root / request.query["d"]).resolve() if root else None
    if path is None or root not in path.parents:
        return 500, {"detail": "path traversal"}
    shared = any(Path(row["path"]) in path.parents for row in server.labeling.storages)
    if not shared or not path.is_file():
        return 404, {"detail": "not found"}
    return 200, path.read_bytes()


def _prediction(server: FakeLabelStudio, request: Request, number: int) -> tuple[int, Any]:
    if number not in server.labeling.predictions:
        raise Answer(404, {"detail": "No Prediction matches the given query."})
    return 200, server.labeling.predictions[number]


def _refresh(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    if request.body.get("refresh") != server.personal_token:
        raise Answer(401, {"detail": "Token is invalid or expired"})
    claims = {"exp": int(time.time()) + 300, "n": len(server.access_tokens)}
    access = jwt.encode(claims, "k" * 32)
    server.access_tokens.add(access)
    return 200, {"access": access}


def _sign_in(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    form = request.form
    if server.people.get(form["email"]) != form["password"]:
        return 200, "the form again"
    return 302, {"cookie": form["email"]}


def _sign_up(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    server.people.setdefault(request.form["email"], request.form["password"])
    return 302, {"cookie": request.form["email"]}


def _user(request: Request) -> int:
    assert request.user is not None
    return request.user


def _deleted(gone: None) -> tuple[int, Any]:
    return 204, gone


Work = Callable[..., tuple[int, Any]]
_OPEN: tuple[Work, ...] = (_refresh, _sign_in, _sign_up)
_PAGE: Work = lambda server, request: (200, "a page")  # noqa: E731
_VERSION: Work = lambda server, request: (200, {"release": "1.23.2"})  # noqa: E731
_OPEN += (_PAGE, _VERSION)
_ROUTES: tuple[tuple[str, str, Work], ...] = (
    ("GET", r"/user/login/", _PAGE),
    ("GET", r"/user/signup/", _PAGE),
    ("POST", r"/user/login/", _sign_in),
    ("POST", r"/user/signup/", _sign_up),
    ("GET", r"/api/invite", lambda s, r: (200, {"invite_url": "/user/signup/?token=x"})),
    ("POST", r"/api/token/refresh/", _refresh),
    ("GET", r"/api/version", _VERSION),
    ("GET", r"/api/projects/", _projects),
    ("POST", r"/api/projects/", lambda s, r: (201, s.labeling.create_project(r.body))),
    ("GET", r"/api/projects/(\d+)/?", lambda s, r, n: (200, s.labeling.shown_project(n))),
    ("PATCH", r"/api/projects/(\d+)/", lambda s, r, n: (200, s.labeling.patch_project(n, r.body))),
    (
        "POST",
        r"/api/projects/(\d+)/import",
        lambda s, r, n: (201, s.labeling.import_tasks(n, r.body)),
    ),
    (
        "POST",
        r"/api/projects/(\d+)/import/predictions",
        lambda s, r, n: (201, s.labeling.add_predictions(n, r.body)),
    ),
    (
        "GET",
        r"/api/projects/(\d+)/model-versions/",
        lambda s, r, n: (200, s.labeling.versions(n)),
    ),
    ("GET", r"/api/tasks", _tasks),
    ("PATCH", r"/api/tasks/(\d+)/", lambda s, r, n: (200, s.labeling.patch_task(n, r.body))),
    ("DELETE", r"/api/tasks/(\d+)/", lambda s, r, n: _deleted(s.labeling.delete_task(n))),
    (
        "POST",
        r"/api/tasks/(\d+)/annotations/?",
        lambda s, r, n: (201, s.labeling.annotate(n, _user(r), r.body)),
    ),
    (
        "DELETE",
        r"/api/annotations/(\d+)/",
        lambda s, r, n: _deleted(s.labeling.delete_annotation(n)),
    ),
    ("GET", r"/api/predictions/(\d+)/", _prediction),
    ("GET", r"/api/storages/localfiles/", _storages),
    ("POST", r"/api/storages/localfiles/", _register),
    ("GET", r"/data/local-files/", _serve),
    (
        "POST",
        r"/api/dm/actions",
        lambda s, r: (200, s.labeling.next_task(int(r.query["project"]), _user(r))),
    ),
)


def _handler(server: FakeLabelStudio) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer, or each waits 40 ms for an acknowledgement

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
    if status == 302:
        yield f"sessionid={body['cookie']}; Path=/"
