"""Clicks in the real Label Studio: connected once, answered with the right pixels, never stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from connectors.label_studio.api import Api
from connectors.label_studio.smart_tags import with_smart_tag
from connectors.masks.regions import decode
from daemon.config.smart_tool_secret import smart_tool_secret
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.domain import Mask, TaskState
from daemon.domain.clock import steady_s
from daemon.smart_tool.click_answers import VERSION
from daemon.smart_tool.connection import SmartToolConnection
from daemon.smart_tool.opening import open_smart_tool
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.server import serving
from tests.fakes.clicking import point
from tests.live.live_field import CONTROL, Field, field
from tests.live.live_server import MakeUser

__all__ = ["field"]
pytestmark = [pytest.mark.live, pytest.mark.long]


class Clicked:
    """A field whose people can click, with the smart tool of its daemon."""

    def __init__(self, field: Field, opened: ExitStack) -> None:
        self.field, config = field, field.config
        token = field.server.credentials.token
        self.api = opened.enter_context(Api(field.server.url, lambda: token))
        text = self.project()["label_config"]
        self.api.patch(f"api/projects/{field.project}/", {"label_config": with_smart_tag(text)})
        self.tool = opened.enter_context(open_smart_tool(config))
        address = opened.enter_context(serving(lambda: read_status(config), smart_tool=self.tool))
        self.connection = self.new_connection(f"{address}/smart-tool")

    def new_connection(self, target: str) -> SmartToolConnection:
        return SmartToolConnection(target, smart_tool_secret(self.field.config), steady_s)

    def project(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"api/projects/{self.field.project}/")
        return found

    def connect(self) -> None:
        with Store(self.field.config.state / FILE) as store:
            self.connection.keep(self.field.connector, store, datetime.now(UTC))

    def backends(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.api.get("api/ml/", project=self.field.project)
        return rows

    def click(self, task: int, *regions: dict[str, Any]) -> dict[str, Any]:
        """What a browser gets for these points."""
        (backend,) = self.backends()
        answer = self.api.post(
            f"api/ml/{backend['id']}/interactive-annotating",
            {"task": task, "context": {"result": list(regions)}},
        )
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]
        return found

    def mask(self, answer: dict[str, Any], size: tuple[int, int]) -> Mask:
        return decode(answer["result"], self.field.config.class_set, CONTROL, size, "answer").mask


@pytest.fixture
def clicked(field: Field) -> Iterator[Clicked]:
    with ExitStack() as opened:
        yield Clicked(field, opened)


def test_one_connection_is_made_kept_and_mended(clicked: Clicked) -> None:
    project, api = clicked.field.project, clicked.api
    version = clicked.project()["model_version"]

    clicked.connect()
    clicked.new_connection(clicked.connection.target)
    clicked.connection = clicked.new_connection(clicked.connection.target)
    clicked.connect()

    (row,) = clicked.backends()
    assert (row["state"], row["is_interactive"], row["auth_method"]) == ("CO", True, "BASIC_AUTH")
    assert row["basic_auth_pass_is_set"]
    assert "basic_auth_pass" not in row
    assert api.get("api/webhooks/", project=project) == []
    assert clicked.project()["model_version"] == version

    body = {"project": project, "url": clicked.connection.target, "title": "Maskloop smart tool"}
    password = smart_tool_secret(clicked.field.config)
    known = {"auth_method": "BASIC_AUTH", "basic_auth_user": "maskloop"}
    api.post("api/ml/", {**body, **known, "basic_auth_pass": password})  # a second one
    clicked.tool.secret = "another password"
    clicked.connection = SmartToolConnection(
        clicked.connection.target, "another password", steady_s
    )
    clicked.connect()

    (row,) = clicked.backends()
    assert (row["state"], row["is_interactive"]) == ("CO", True)


def test_clicks_are_answered_with_the_right_pixels(clicked: Clicked, annotator: MakeUser) -> None:
    clicked.field.tick()
    clicked.connect()
    task = clicked.field.open_tasks()[0]
    key = clicked.api.get(f"api/tasks/{task}/")["data"]["maskloop_key"]
    truth = clicked.field.truth[key]
    rows, columns = np.nonzero(truth == 1)
    height, width = truth.shape
    middle = len(rows) // 2
    x, y = (columns[middle] + 0.5) / width * 100, (rows[middle] + 0.5) / height * 100

    answer = clicked.click(task, point(x, y, "crop"))
    mask = clicked.mask(answer, truth.shape)
    cut = clicked.mask(
        clicked.click(
            task,
            point(x, y, "crop"),
            point((columns[0] + 0.5) / width * 100, (rows[0] + 0.5) / height * 100, "crop",
                  is_positive=False),
        ),
        truth.shape,
    )  # fmt: skip

    assert answer["model_version"] == VERSION
    assert mask[rows[middle], columns[middle]] == 1
    assert cut[rows[middle], columns[middle]] == 1
    assert cut[rows[0], columns[0]] == 0
    assert clicked.click(task)["result"] == []
    assert clicked.tool.figures().engines == {"colour_walk": 2}


def test_asking_label_studio_for_predictions_stores_none(clicked: Clicked) -> None:
    clicked.field.tick()
    clicked.connect()
    before = clicked.api.get(f"api/projects/{clicked.field.project}/model-versions/")

    clicked.api.post(
        "api/dm/actions",
        {"selectedItems": {"all": True, "excluded": []}},
        id="retrieve_tasks_predictions",
        project=clicked.field.project,
    )

    after = clicked.api.get(f"api/projects/{clicked.field.project}/model-versions/")
    assert after == before
    with Store(clicked.field.config.state / FILE, read_only=True) as store:
        assert store.tasks(TaskState.OPEN)


def test_a_session_goes_on_over_restarts_of_label_studio(
    clicked: Clicked, annotator: MakeUser, label_studio: LabelStudioServer
) -> None:
    """Once between two clicks, once between the last click and Submit."""
    clicked.field.tick()
    clicked.connect()
    person, project = annotator("ada"), clicked.field.project
    question = person.next_task(project)
    assert question is not None
    key = question.details["data"]["maskloop_key"]
    truth = clicked.field.truth[key]
    rows, columns = np.nonzero(truth == 1)
    places = [
        ((columns[at] + 0.5) / truth.shape[1] * 100, (rows[at] + 0.5) / truth.shape[0] * 100)
        for at in (len(rows) // 2, 0)
    ]
    points = [point(*places[0], "crop"), point(*places[1], "crop", is_positive=False)]

    before = clicked.click(question.task, points[0])
    _restart(label_studio)
    after = clicked.click(question.task, *points)
    _restart(label_studio)
    person.submit(question, project, after["result"])
    clicked.connect()

    assert [one["id"] for one in after["result"]] == [one["id"] for one in before["result"]]
    (arrived,) = clicked.field.connector.changes(None, {key: truth.shape}).annotations
    assert np.array_equal(arrived.mask, clicked.mask(after, truth.shape))
    assert not np.array_equal(arrived.mask, clicked.mask(before, truth.shape))
    assert len(clicked.backends()) == 1


def _restart(server: LabelStudioServer) -> None:
    server.stop()
    server.start()
