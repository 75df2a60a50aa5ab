"""The pages and calls of the fake Label Studio: what each request does and answers."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt

from tests.fakes.filters import meets
from tests.fakes.forgetting import forget_prediction, forget_version
from tests.fakes.labeling import Answer

if TYPE_CHECKING:
    from tests.fakes.label_studio import FakeLabelStudio


class Request:
    """A parsed request. target: path and query, as they came."""

    def __init__(self, method: str, target: str, headers: Any, body: bytes) -> None:
        parts = urlsplit(target)
        self.target = target
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
        if all(meets(labeling, task, one) for one in conditions)
    ]
    rows.sort(key=lambda task: task[query["ordering"][0].removeprefix("tasks:")])
    size = min(int(request.query["page_size"]), server.page_size_max)
    page = int(request.query["page"])
    shown = rows[(page - 1) * size : page * size]
    if page > 1 and not shown:
        raise Answer(404, {"detail": "Invalid page."})
    include = set(request.query["include"].split(","))
    filtered = {one["filter"].removeprefix("filter:tasks:") for one in conditions}
    full = request.query["fields"] == "all"
    return 200, {
        "total": len(rows),
        "tasks": [labeling.shown_task(task, include, filtered, full) for task in shown],
    }


def _projects(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    labeling, title = server.labeling, request.query.get("title", "")
    rows = [labeling.shown_project(n) for n in sorted(labeling.projects, reverse=True)]
    found = [row for row in rows if title in row["title"]]
    size, page = int(request.query.get("page_size", 30)), int(request.query.get("page", 1))
    shown = found[(page - 1) * size : page * size]
    if page > 1 and not shown:
        raise Answer(404, {"detail": "Invalid page."})
    more = len(found) > page * size
    following = f"{server.url}/api/projects/?page={page + 1}" if more else None
    return 200, {"count": len(found), "next": following, "results": shown}


def _views(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    project = int(request.query["project"])
    return 200, [row for row in server.labeling.views if row["project"] == project]


def _add_view(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    server.labeling.views.append(request.body)
    return 201, request.body


def _storages(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    project = int(request.query["project"])
    return 200, [row for row in server.labeling.storages if row["project"] == project]


def _register(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    path, root = Path(request.body["path"]), server.document_root
    if root is None or root not in path.parents:
        raise Answer(400, {"detail": "path must be inside the document root"})
    server.labeling.storages.append(request.body)
    return 201, request.body


def _hooks(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    project = int(request.query["project"])
    return 200, [row for row in server.webhooks.values() if row["project"] == project]


def _add_hook(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    if server.blocks_private and "//127." in request.body["url"]:
        raise Answer(403, {"detail": "URL resolves to a reserved network address"})
    made = {**request.body, "id": len(server.webhooks) + 1}
    server.webhooks[made["id"]] = made
    return 201, made


def _change_hook(server: FakeLabelStudio, request: Request, number: int) -> tuple[int, Any]:
    server.webhooks[number].update(request.body)
    return 200, server.webhooks[number]


def _serve(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    root = server.document_root
    path = (root / request.query["d"]).resolve() if root else None
    if path is None or root not in path.parents:
        return 500, {"detail": "path traversal"}
    shared = any(Path(row["path"]) in path.parents for row in server.labeling.storages)
    if not shared or not path.is_file():
        return 404, {"detail": "not found"}
    return 200, path.read_bytes()


def _uploaded(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    if "*/*" not in request.headers.get("Accept", "*/*"):
        raise Answer(406, {"detail": "Could not satisfy the request Accept header."})
    found = server.uploads.get(request.path)
    return (200, found) if found is not None else (500, {"detail": "no such file"})


def _resolve(server: FakeLabelStudio, request: Request, task: int) -> tuple[int, Any]:
    """What a storage of the project holds, or where it is: 404 without one."""
    uri = base64.urlsafe_b64decode(request.query["fileuri"]).decode()
    found = server.cloud.get(uri) if task in server.labeling.tasks else None
    if isinstance(found, str):
        return 303, {"location": found}
    return (200, found) if found is not None else (404, {"detail": "Not found."})


def _prediction(server: FakeLabelStudio, request: Request, number: int) -> tuple[int, Any]:
    if number not in server.labeling.predictions:
        raise Answer(404, {"detail": "No Prediction matches the given query."})
    return 200, server.labeling.predictions[number]


def _refresh(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    if request.body.get("refresh") != server.personal_token:
        raise Answer(401, {"detail": "Token is invalid or expired"})
    if server.exchange_answer is not None:
        return 200, server.exchange_answer
    claims = {"exp": int(time.time()) + server.access_seconds, "n": len(server.access_tokens)}
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


def _users(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    emails = enumerate(server.people, start=1)
    return 200, [
        {
            "id": number,
            "first_name": email.partition("@")[0].title(),
            "last_name": "",
            "email": email,
        }
        for number, email in emails
    ]


def _drafts(server: FakeLabelStudio, request: Request, number: int) -> tuple[int, Any]:
    emails = list(server.people)
    return 200, [
        {
            "id": row["id"],
            "created_username": f" {emails[row['user'] - 1]}, {row['user']}",
            "created_at": row["created_at"],
            "updated_at": row["created_at"],
        }
        for row in server.labeling.drafts
        if row["task"] == number
    ]


def _deleted(gone: None) -> tuple[int, Any]:
    return 204, gone


Work = Callable[..., tuple[int, Any]]
OPEN: tuple[Work, ...] = (_refresh, _sign_in, _sign_up)
_PAGE: Work = lambda server, request: (200, "a page")  # noqa: E731
_VERSION: Work = lambda server, request: (200, {"release": "1.23.2"})  # noqa: E731
_HEALTH: Work = lambda server, request: (200, {"status": "UP"})  # noqa: E731
OPEN += (_PAGE, _VERSION, _HEALTH)
ROUTES: tuple[tuple[str, str, Work], ...] = (
    ("GET", r"/user/login/", _PAGE),
    ("GET", r"/user/signup/", _PAGE),
    ("POST", r"/user/login/", _sign_in),
    ("POST", r"/user/signup/", _sign_up),
    ("GET", r"/api/invite", lambda s, r: (200, {"invite_url": "/user/signup/?token=x"})),
    ("POST", r"/api/token/refresh/", _refresh),
    ("GET", r"/api/version", _VERSION),
    ("GET", r"/health", _HEALTH),
    ("GET", r"/api/current-user/whoami", lambda s, r: (200, {"id": _user(r)})),
    ("GET", r"/api/users/", _users),
    ("GET", r"/api/tasks/(\d+)/drafts", _drafts),
    ("GET", r"/api/dm/views", _views),
    ("POST", r"/api/dm/views", _add_view),
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
        "POST",
        r"/api/tasks/(\d+)/drafts",
        lambda s, r, n: (201, s.labeling.save_draft(n, _user(r), r.body)),
    ),
    (
        "PATCH",
        r"/api/annotations/(\d+)/",
        lambda s, r, n: (200, s.labeling.edit_annotation(n, r.body)),
    ),
    (
        "DELETE",
        r"/api/annotations/(\d+)/",
        lambda s, r, n: _deleted(s.labeling.delete_annotation(n)),
    ),
    (
        "DELETE",
        r"/api/projects/(\d+)/model-versions/",
        lambda s, r, n: (200, forget_version(s.labeling, n, r.body["model_version"])),
    ),
    ("GET", r"/api/predictions/(\d+)/", _prediction),
    (
        "DELETE",
        r"/api/predictions/(\d+)/",
        lambda s, r, n: _deleted(forget_prediction(s.labeling, n)),
    ),
    ("GET", r"/api/storages/localfiles/", _storages),
    ("POST", r"/api/storages/localfiles/", _register),
    ("GET", r"/api/webhooks/", _hooks),
    ("POST", r"/api/webhooks/", _add_hook),
    ("PATCH", r"/api/webhooks/(\d+)/", _change_hook),
    ("GET", r"/data/local-files/", _serve),
    ("GET", r"/data/upload/.+", _uploaded),
    ("GET", r"/tasks/(\d+)/resolve/", _resolve),
    (
        "POST",
        r"/api/dm/actions",
        lambda s, r: (200, s.labeling.next_task(int(r.query["project"]), _user(r))),
    ),
)
