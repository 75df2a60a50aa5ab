"""On a real Label Studio: addresses are renewed in the middle of a cycle, a project is moved."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image as Picture

from connectors.label_studio import create_or_adopt_project
from connectors.label_studio.api import Api
from connectors.masks.regions import Control, encode
from daemon.config.loading import Config
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.web_user import WebUser
from daemon.domain import ClassSet
from daemon.launchers.local import LocalLauncher
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.store import FILE, Store
from tests.fakes.status_json import status_json
from tests.integration.project_team import Bucket
from tests.integration.workbench import LEARNER, configured, paint
from tests.live.live_server import MakeUser

pytestmark = pytest.mark.live

CLASSES = ClassSet(names=("soil", "crop", "weed"))
CONTROL = Control(from_name="mask", to_name="image")
LOOP = {"budget_labels": 16, "batch_images": 4, "seed_images": 4, "poll_s": 0.05, "queue_low": 0}


class Campaign:
    """A daemon on a project of its own, and ada, who labels what she is handed."""

    def __init__(self, home: Path, server: LabelStudioServer, ada: WebUser, title: str) -> None:
        self.home, self.ada, self.shift = home, ada, timedelta()
        home.mkdir(parents=True, exist_ok=True)
        self.api = Api(server.url, lambda: server.credentials.token)
        self.project = create_or_adopt_project(
            url=server.url,
            token=lambda: server.credentials.token,
            project=title,
            classes=CLASSES,
            source=None,
        ).id
        self.config: Config = configured(
            home,
            connector={"kind": "label_studio"},
            classes={"names": list(CLASSES.names)},
            images={"source": "project", "allow_hosts": ["127.0.0.0/8", "localhost"]},
            label_studio={
                "url": server.url,
                "project": self.project,
                "token_env": "LIVE_IDENTITY_TOKEN",
            },
            loop=LOOP,
        )
        self.launcher = LocalLauncher(module=LEARNER)
        self.connector: Any = open_connector(self.config)
        self.ticker = Ticker(self.config, self.connector, self.launcher, self._now, None)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def add(self, rows: list[dict[str, Any]]) -> None:
        self.api.post(f"api/projects/{self.project}/import", rows)

    def tasks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(
            f"api/projects/{self.project}/export", exportType="JSON", download_all_tasks="true"
        )
        return found

    def submit(self, masks: Path) -> bool:
        question = self.ada.next_task(self.project)
        if question is None:
            return False
        name = str(question.details["data"]["image"]).partition("?")[0].rpartition("/")[2]
        regions = encode(np.asarray(Picture.open(masks / name)), CLASSES, CONTROL, {})
        self.ada.submit(question, self.project, regions)
        return True

    def until(self, words: str) -> None:
        deadline = time.monotonic() + 240
        while words not in (found := self.ticker.tick().waiting):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)

    def finish(self, masks: Path) -> None:
        deadline = time.monotonic() + 240
        while not (outcome := self.ticker.tick()).final:
            assert time.monotonic() < deadline, outcome
            while self.submit(masks):
                pass
            time.sleep(0.1)

    def standing(self) -> tuple[Any, ...]:
        with Store(self.config.state / FILE, read_only=True) as store:
            return (
                {image.id: (image.sha256, image.role) for image in store.images()},
                store.labeled_ids(),
                {row.image_id: row.state for row in store.tasks()},
            )

    def status(self) -> dict[str, Any]:
        return status_json(self.config)

    def close(self) -> None:
        self.launcher.stop()
        self.connector.close()
        self.api.close()


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    paint(tmp_path / "field", 20)
    with Bucket() as server:
        for path in (tmp_path / "field" / "images").iterdir():
            server.put(path.name, path.read_bytes())
        yield server


@pytest.fixture
def campaign(
    tmp_path: Path,
    label_studio: LabelStudioServer,
    annotator: MakeUser,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Campaign]:
    monkeypatch.setenv("LIVE_IDENTITY_TOKEN", label_studio.credentials.token)
    made = Campaign(tmp_path / "one", label_studio, annotator("ada"), uuid.uuid4().hex)
    names = sorted(path.name for path in (tmp_path / "field" / "images").iterdir())
    made.add([{"data": {"image": f"{bucket.url}/{name}?X-Amz-Signature=1"}} for name in names])
    yield made
    made.close()


@pytest.mark.long
@pytest.mark.parametrize("change", ["signature", "host"])
def test_renewed_addresses_of_all_tasks_change_nothing_in_the_middle_of_a_cycle(
    campaign: Campaign, tmp_path: Path, change: str
) -> None:
    masks = tmp_path / "field" / "masks"
    campaign.until("wait for annotators")
    for _ in range(5):
        assert campaign.submit(masks)
    campaign.until("3 images wait")
    before = campaign.standing()
    for task in campaign.tasks():
        address = task["data"]["image"].replace("Signature=1", "Signature=2")
        if change == "host":
            address = address.replace("127.0.0.1", "localhost")
        campaign.api.patch(f"api/tasks/{task['id']}/", {"data": {**task["data"], "image": address}})

    campaign.until("3 images wait")
    campaign.shift += timedelta(seconds=61)
    campaign.until("3 images wait")

    assert campaign.standing() == before
    events = [row["message"] for row in campaign.status()["events"]]
    assert "20 images recognized at new addresses" in events
    campaign.finish(masks)
    assert campaign.status()["labels"] == {"total": 16, "spent": 16, "left": 0}
    assert campaign.status()["quarantine"] == []


@pytest.mark.long
def test_an_export_of_a_project_goes_on_in_a_new_one(
    campaign: Campaign,
    tmp_path: Path,
    label_studio: LabelStudioServer,
    annotator: MakeUser,
) -> None:
    masks = tmp_path / "field" / "masks"
    campaign.until("wait for annotators")
    for _ in range(8):
        assert campaign.submit(masks)
    campaign.until("4 images wait")

    moved = Campaign(tmp_path / "two", label_studio, annotator("ada"), "moved")
    # Where Label Studio checks predictions it refuses numbers of them, as its export lists them.
    moved.add([{**task, "predictions": []} for task in campaign.tasks()])
    moved.until("wait for annotators")

    status = moved.status()
    assert sum(status["images"].values()) == 20
    assert status["labels"]["spent"] == 8
    assert status["quarantine"] == []
    moved.finish(masks)
    assert moved.status()["labels"]["spent"] == 16
    moved.close()


def test_uploads_are_read_under_the_name_that_the_server_had_and_pictures_in_the_data(
    campaign: Campaign, tmp_path: Path, label_studio: LabelStudioServer
) -> None:
    content = (tmp_path / "field" / "images" / "field00.png").read_bytes()
    answered = httpx.post(
        f"{label_studio.url}/api/projects/{campaign.project}/import?commit_to_project=false",
        headers={"Authorization": f"Token {label_studio.credentials.token}"},
        files={"file": ("upload.png", content[:-8] + content[-8:])},
        timeout=120,
    ).json()
    (number,) = answered["file_upload_ids"]
    stored = campaign.api.get(f"api/import/file-upload/{number}")["file"]
    other = (tmp_path / "field" / "images" / "field01.png").read_bytes()
    inline = f"data:image/png;base64,{base64.b64encode(other).decode()}"
    campaign.add(
        [
            {"data": {"image": f"http://labeling.example:8080/data/{stored}"}},
            {"data": {"image": inline}},
        ]
    )

    campaign.until("wait for annotators")

    with Store(campaign.config.state / FILE, read_only=True) as store:
        images = store.images()
    assert len(images) == 22
    assert len({image.sha256 for image in images}) == 20  # both are copies of known pictures
    assert campaign.status()["quarantine"] == []
