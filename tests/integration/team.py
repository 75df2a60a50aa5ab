"""A daemon that ticks when told, a fake Label Studio, and people who answer when told."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from connectors.label_studio import FolderSource, create_or_adopt_project
from connectors.masks.regions import Control, encode
from daemon.config.loading import Config
from daemon.demo.web_user import OpenTask, WebUser
from daemon.domain import ClassSet, Task, TaskState
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.stages import push as push_stage
from daemon.stages.context import Context
from daemon.store import FILE, Store
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint

CLASSES = ClassSet(names=("soil", "crop", "weed"))
CONTROL = Control(from_name="mask", to_name="image")
LOOP = {"budget_labels": 24, "batch_images": 4, "seed_images": 4, "poll_s": 0.05, "queue_low": 3}


class Team:
    """A daemon that ticks when told, a server, and people who answer one image when told."""

    def __init__(self, home: Path, server: FakeLabelStudio, **loop: Any) -> None:
        paint(home)
        self.server, self.home = server, home
        adopted = create_or_adopt_project(
            url=server.url,
            token=lambda: server.token,
            project="team",
            classes=CLASSES,
            source=FolderSource(home / "images", home),
        )
        self.project = adopted.id
        self.config: Config = configured(
            home,
            connector={"kind": "label_studio"},
            classes={"names": list(CLASSES.names)},
            label_studio={
                "url": server.url,
                "project": adopted.id,
                "token_env": "TEAM_TOKEN",
                "document_root": ".",
            },
            loop={**LOOP, **loop},
        )
        self.shift = timedelta()
        self.connector: Any = open_connector(self.config)
        self.daemon = Ticker(self.config, self.connector, ForkLauncher(), self.now, None)
        self.people: dict[str, WebUser] = {}

    def close(self) -> None:
        for person in self.people.values():
            person.close()
        self.connector.close()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def versions(self) -> set[str]:
        """Of the predictions that the server holds, without their random ends."""
        rows = self.server.labeling.versions(self.project)["static"]
        return {row["model_version"].partition("-")[0] for row in rows}

    def reorder(self) -> None:
        """The daemon's re-rank, the last of each batch first."""
        with Store(self.config.state / FILE) as store:
            tasks = [row.id for row in store.tasks(TaskState.OPEN)]
            store.set_positions({task: place for place, task in enumerate(reversed(tasks))})
            context = Context(
                config=self.config,
                store=store,
                connector=self.connector,
                launcher=ForkLauncher(),
                now=self.now,
            )
            push_stage.rerank(context, 1)

    def person(self, name: str) -> WebUser:
        if name not in self.people:
            self.people[name] = WebUser(self.server.url)
            assert self.people[name].sign_up("/user/signup/", f"{name}@example.org", "secret")
        return self.people[name]

    def take(self, name: str) -> OpenTask | None:
        return self.person(name).next_task(self.project)

    def submit(self, name: str, question: OpenTask, mask: np.ndarray | None = None) -> None:
        """Draw the truth, or this mask."""
        key = question.details["data"]["maskloop_key"]
        truth = np.asarray(Image.open(self.home / "masks" / key)) if mask is None else mask
        regions = encode(truth, CLASSES, CONTROL, {})
        self.person(name).submit(question, self.project, regions)

    def answer(self, name: str) -> int | None:
        """Answer one image: the task, or None where nothing was handed out."""
        question = self.take(name)
        if question is not None:
            self.submit(name, question)
        return question.task if question else None

    def answer_batch(self, name: str, images: int = 8) -> None:
        """Answer so many images; the daemon looks after each."""
        for _ in range(images):
            assert self.answer(name)
            self.daemon.tick()

    def until(self, words: str) -> None:
        deadline = time.monotonic() + 120
        while not (found := self.daemon.tick().waiting).startswith(words):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def open_tasks(self) -> list[Task]:
        """As the store has them, by position."""
        with Store(self.config.state / FILE, read_only=True) as store:
            return store.tasks(TaskState.OPEN)

    def status(self) -> dict[str, Any]:
        return status_json(self.config)
