"""A project with images and a daemon on a real Label Studio, for tests; its learner is quick."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.label_studio import FolderSource, create_or_adopt_project
from connectors.masks.regions import Control, encode
from daemon.config.loading import Config
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.web_user import OpenTask, WebUser
from daemon.domain import TaskState
from daemon.launchers.local import LocalLauncher
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.loop.tick import Outcome
from daemon.stages.context import Context
from daemon.stages.push import rerank
from daemon.store import FILE, Store
from tests.fakes.status_json import status_json
from tests.integration.workbench import LEARNER, SETTINGS, paint_images

CONTROL = Control(from_name="mask", to_name="image")


class Field:
    """A project with images, a configuration for it and a daemon that ticks when told."""

    def __init__(self, server: LabelStudioServer, home: Path, name: str) -> None:
        self.server, self.home = server, home
        root = server.document_root / "loop" / name
        self.truth = paint_images(root, 30)
        base = Config.model_validate(
            {
                "home": home,
                "classes": {"names": ["soil", "crop", "weed"]},
                "images": {"folder": str(root)},
                "label_studio": {
                    "url": server.url,
                    "title": name,
                    "document_root": str(server.document_root),
                    "token_env": "LIVE_LOOP_TOKEN",
                },
                **{name: SETTINGS[name] for name in ("loop", "validation", "selection", "storage")},
            }
        )
        adopted = create_or_adopt_project(
            url=server.url,
            token=lambda: server.credentials.token,
            project=name,
            classes=base.class_set,
            source=FolderSource(root, server.document_root),
        )
        self.project = adopted.id
        label_studio = base.label_studio.model_copy(update={"project": adopted.id})
        self.config = base.model_copy(update={"label_studio": label_studio})
        self.launcher = LocalLauncher(module=LEARNER)
        self.connector = open_connector(self.config)
        self.ticker = Ticker(
            self.config, self.connector, self.launcher, lambda: datetime.now(UTC), None
        )

    def set_loop(self, **settings: Any) -> None:
        """Change [loop] before the first tick."""
        loop = self.config.loop.model_copy(update=settings)
        self.config = self.config.model_copy(update={"loop": loop})
        self.ticker = Ticker(
            self.config, self.connector, self.launcher, lambda: datetime.now(UTC), None
        )

    def tick(self) -> Outcome:
        outcome = self.ticker.tick()
        while outcome.running:
            time.sleep(0.1)
            outcome = self.ticker.tick()
        return outcome

    def answer(self, user: WebUser) -> OpenTask | None:
        question = user.next_task(self.project)
        if question is not None:
            self.submit(user, question)
        return question

    def submit(self, user: WebUser, question: OpenTask) -> None:
        """Draw the truth over what is shown."""
        mask = self.truth[question.details["data"]["maskloop_key"]]
        user.submit(question, self.project, encode(mask, self.config.class_set, CONTROL, {}))

    def open_tasks(self) -> list[int]:
        """The open tasks by position, first the one that is served next."""
        with Store(self.config.state / FILE, read_only=True) as store:
            return [int(row.id) for row in store.tasks(TaskState.OPEN)]

    def turn_order(self) -> list[int]:
        """A re-rank by the daemon that puts the last of each batch first; the tasks by position."""
        with Store(self.config.state / FILE) as store:
            tasks = [row.id for row in store.tasks(TaskState.OPEN)]
            store.set_positions({task: place for place, task in enumerate(reversed(tasks))})
            cycle = store.last_cycle()
            assert cycle is not None
            context = Context(
                config=self.config,
                store=store,
                connector=self.connector,
                launcher=self.launcher,
                now=lambda: datetime.now(UTC),
            )
            rerank(context, cycle.number)
        return self.open_tasks()

    def status(self) -> dict:
        return status_json(self.config)


@pytest.fixture
def field(
    label_studio: LabelStudioServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Field]:
    monkeypatch.setenv("LIVE_LOOP_TOKEN", label_studio.credentials.token)
    field = Field(label_studio, tmp_path, request.node.name[:50])
    yield field
    field.launcher.stop()
    field.connector.close()
