"""Odd pages, lists without end, and writes whose answers say nothing: refused or looked up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.cursor import Cursor
from daemon.domain import Changes, TaskState
from daemon.domain.errors import ConnectorRefused, OutcomeUnknown
from tests.contract.odd_desk import answered, desk
from tests.contract.test_asked_again import Desk
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.odd_server import Instead
from tests.fakes.pages import Request

__all__ = ["desk"]


@pytest.mark.parametrize("body", [[], {"tasks": 3, "total": 1}, {"tasks": []}, "no", b"null"])
def test_a_page_that_is_no_list_of_tasks_is_a_refusal_of_the_server(
    fake: FakeLabelStudio, desk: Desk, body: Any
) -> None:
    answered(desk, 1)

    with (
        Instead(fake, lambda _: body),
        pytest.raises(ConnectorRefused, match="expected `tasks`"),
    ):
        desk.look()


def test_a_list_that_repeats_itself_has_an_end(fake: FakeLabelStudio, desk: Desk) -> None:
    answered(desk, 3)
    first: list[Any] = []

    def repeat(body: dict[str, Any]) -> dict[str, Any]:
        first.extend(body["tasks"] if not first else [])
        return {"tasks": first, "total": 10**9}

    with Instead(fake, repeat), pytest.raises(ConnectorRefused, match="no new task on 20 pages"):
        desk.context.connector.changes(None, desk.tool.sizes)
    api = Api(fake.url, lambda: fake.token)
    with Instead(fake, repeat), pytest.raises(ConnectorRefused, match="none of them above"):
        list(tasks.find(api, desk.tool.project, [], []))
    api.close()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"looked_at": 3, "tasks": ""}', '"x"'])
def test_a_damaged_cursor_is_the_beginning(text: str) -> None:
    assert Cursor.parse(text) == Cursor()


@pytest.mark.parametrize("content", [b"<html>", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_a_write_whose_answer_is_no_json_has_an_unknown_outcome(
    fake: FakeLabelStudio, content: bytes
) -> None:
    api = Api(fake.url, lambda: fake.token, sleep=lambda seconds: None)
    done = fake.done
    fake.done = lambda request: (200, content)  # type: ignore[method-assign]

    with pytest.raises(OutcomeUnknown, match="instead of JSON"):
        api.post("api/projects/1/import", [])
    with pytest.raises(ConnectorRefused, match="instead of JSON"):
        api.get("api/tasks")

    fake.done = done  # type: ignore[method-assign]
    api.close()


def test_an_import_whose_answer_is_no_json_asks_once(fake: FakeLabelStudio, desk: Desk) -> None:
    done = fake.done

    def garbled(request: Request) -> tuple[int, Any]:
        status, body = done(request)
        return status, b"<html>" if request.path.endswith("/import/predictions") else body

    fake.done = garbled  # type: ignore[method-assign]
    desk.ask(3)
    fake.done = done  # type: ignore[method-assign]

    assert len(desk.store.tasks(TaskState.OPEN)) == 3
    versions = [row["model_version"] for row in fake.labeling.predictions.values()]
    assert len(versions) == 3


def test_a_task_that_does_not_tell_whether_it_is_open_is_refused_with_words(
    fake: FakeLabelStudio, desk: Desk
) -> None:
    def spoil(body: dict[str, Any]) -> dict[str, Any]:
        for task in body["tasks"]:
            task |= {"overlap": None} if "overlap" in task else {}
        return body

    with Instead(fake, spoil), pytest.raises(ConnectorRefused, match="got overlap: NoneType None"):
        desk.ask(2)


def test_an_image_that_is_asked_anew_after_its_first_task_was_deleted_is_left_out(
    fake: FakeLabelStudio, desk: Desk
) -> None:
    desk.ask(2)
    desk.answer("ada", well=False)
    gone = next(row["task"] for row in fake.labeling.annotations.values())
    changes: Changes = desk.context.connector.changes(None, desk.tool.sizes)
    assert len(changes.faults) == 1
    asks = [
        ask for ask in desk.tool.asks(desk.tool.keys)
        if ask.image.key == fake.labeling.tasks[gone]["data"]["image"]
    ]  # fmt: skip
    fake.labeling.delete_task(gone)

    tasks_of = desk.context.connector.push(
        [replace(asks[0], needs_new_task=True)], "push-9", "0.9-aa"
    )

    assert tasks_of == {}
