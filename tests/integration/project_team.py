"""A team's own project on a fake Label Studio: its tasks show pictures of a bucket elsewhere."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from connectors.label_studio import create_or_adopt_project
from connectors.masks.regions import Control, encode
from daemon.config.loading import Config
from daemon.demo.web_user import WebUser
from daemon.domain import ClassSet, Image, TaskState
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.store import FILE, Store
from tests.fakes.hostile import HostileServer, Script, answer
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint

CLASSES = ClassSet(names=("soil", "crop", "weed"))
CONTROL = Control(from_name="mask", to_name="image")
LOOP = {"budget_labels": 16, "batch_images": 4, "seed_images": 4, "poll_s": 0.05, "queue_low": 0}
FIELDS = 20


class _ByPath(dict[str, Script]):
    """Pages by path; a signature in the query changes nothing."""

    def get(self, target: str, default: Any = None) -> Any:
        return super().get(target.partition("?")[0], default)


class Bucket(HostileServer):
    """Pictures by path, whatever signs the address."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = _ByPath()

    def put(self, name: str, content: bytes, **headers: str) -> None:
        self.pages[f"/{name}"] = answer(content, **headers)

    def fetched(self) -> int:
        """How many requests came."""
        return len(self.heads)


class ProjectTeam:
    """A daemon that ticks when told, on a project whose images are tasks already."""

    def __init__(self, home: Path, server: FakeLabelStudio, bucket: Bucket, **loop: Any) -> None:
        paint(home, FIELDS)
        self.server, self.bucket, self.home = server, bucket, home
        self.names = sorted(path.name for path in (home / "images").iterdir())
        for name in self.names:
            bucket.put(name, (home / "images" / name).read_bytes())
        self.project = create_or_adopt_project(
            url=server.url,
            token=lambda: server.token,
            project="their own",
            classes=CLASSES,
            source=None,
        ).id
        self.add([self.address(name) for name in self.names])
        self.config: Config = configured(
            home,
            connector={"kind": "label_studio"},
            classes={"names": list(CLASSES.names)},
            images={"source": "project", "allow_hosts": ["127.0.0.0/8", "localhost"]},
            label_studio={"url": server.url, "project": self.project, "token_env": "TEAM_TOKEN"},
            loop={**LOOP, **loop},
        )
        self.shift = timedelta()
        self.connector: Any = open_connector(self.config)
        self.daemon = Ticker(self.config, self.connector, ForkLauncher(), self.now, None)
        self.ada = WebUser(server.url)
        assert self.ada.sign_up("/user/signup/", "ada@example.org", "secret")

    def close(self) -> None:
        self.connector.close()
        self.ada.close()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def address(self, name: str, signature: str = "X-Amz-Signature=1") -> str:
        return f"{self.bucket.url}/{name}?{signature}"

    def add(self, addresses: list[str]) -> list[int]:
        """Tasks that somebody imports."""
        rows = [{"data": {"image": address}} for address in addresses]
        made: list[int] = self.server.labeling.import_tasks(self.project, rows)["task_ids"]
        return made

    def name_of(self, task: int) -> str:
        address = str(self.server.labeling.tasks[task]["data"]["image"])
        return address.partition("?")[0].rpartition("/")[2]

    def submit(self) -> int | None:
        """Ada labels what she is handed; the annotation's number."""
        question = self.ada.next_task(self.project)
        if question is None:
            return None
        mask = np.asarray(Picture.open(self.home / "masks" / self.name_of(question.task)))
        regions = encode(mask, CLASSES, CONTROL, {})
        return int(self.ada.submit(question, self.project, regions)["id"])

    def until(self, words: str) -> None:
        deadline = time.monotonic() + 180
        while words not in (found := self.daemon.tick().waiting):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def minute(self) -> None:
        """A tick after the next listing is due."""
        self.shift += timedelta(seconds=61)
        self.daemon.tick()

    def finish(self) -> None:
        """Label all that is asked until the budget is spent."""
        deadline = time.monotonic() + 180
        while not (outcome := self.daemon.tick()).final:
            assert time.monotonic() < deadline, outcome
            while self.submit() is not None:
                pass
            time.sleep(0.01)

    def images(self) -> list[Image]:
        with self.store() as store:
            return store.images()

    def states(self) -> dict[str, int]:
        with self.store() as store:
            rows = store.tasks()
        return {one.value: n for one in TaskState if (n := sum(r.state == one for r in rows))}

    def store(self) -> Store:
        return Store(self.config.state / FILE, read_only=True)

    def status(self) -> dict[str, Any]:
        return status_json(self.config)

    def events(self) -> list[str]:
        return [row["message"] for row in self.status()["events"]]


__all__ = ["FIELDS", "Bucket", "ProjectTeam"]
