"""Label Studios that tell odd things: whole pages instead of others, or odd tasks and answers."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import httpx

from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.labeling import Labeling
from tests.fakes.pages import Request
from tests.fakes.pipe import answered


class Instead:
    """A server that says something else. change: makes it of a page of tasks; None: as it is."""

    def __init__(self, fake: FakeLabelStudio, change: Callable[[dict[str, Any]], Any]) -> None:
        self._fake, self._done, self._change = fake, fake.done, change

    def __enter__(self) -> None:
        self._fake.done = self._answer  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        self._fake.done = self._done  # type: ignore[method-assign]

    def _answer(self, request: Request) -> tuple[int, Any]:
        status, body = self._done(request)
        if request.path != "/api/tasks":
            return status, body
        instead = self._change(json.loads(json.dumps(body)))
        return (status, body) if instead is None else (200, instead)


class OddServer(FakeLabelStudio):
    """Sends other things than it holds. odd_annotations: by id. odd_listed, odd_whole: the rows
    of tasks, by id, in a listing of changes and among whole tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.labeling: Indexed = Indexed()
        self.odd_annotations: dict[int, Any] = {}
        self.odd_listed: dict[int, Any] = {}
        self.odd_whole: dict[int, Any] = {}

    def done(self, request: Request) -> tuple[int, Any]:
        status, body = super().done(request)
        if request.path != "/api/tasks":
            return status, body
        is_whole = "annotations" in request.query["include"].split(",")
        instead = self.odd_whole if is_whole else self.odd_listed
        rows = [instead.get(row["id"], self._with_odd(row)) for row in body["tasks"]]
        return status, {**body, "tasks": rows}

    def _with_odd(self, row: dict[str, Any]) -> dict[str, Any]:
        if "annotations" not in row:
            return row
        given = [self.odd_annotations.get(one["id"], one) for one in row["annotations"]]
        return {**row, "annotations": given}


class Indexed(Labeling):
    """Knows the annotations of a task without a look at all of them. by_task: filled by a test."""

    def __init__(self) -> None:
        super().__init__()
        self.by_task: dict[int, list[dict[str, Any]]] = defaultdict(list)

    def of_task(self, number: int) -> list[dict[str, Any]]:
        return self.by_task[number]


class Direct(httpx.BaseTransport):
    """Requests without a socket: the bytes that would travel, both ways."""

    def __init__(self, server: OddServer) -> None:
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        sent = (request.method, target, list(request.headers.items()), request.read())
        status, headers, content = answered(self._server, sent)
        return httpx.Response(status, headers=headers, content=content, request=request)
