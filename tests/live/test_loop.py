"""The whole loop on a real Label Studio, with a learner that needs milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connectors.label_studio import FolderSource, create_or_adopt_project
from connectors.regions import Control, encode
from daemon.config import Config
from daemon.demo.server import LabelStudioServer
from daemon.demo.web_user import Question, WebUser
from daemon.domain import TaskState
from daemon.launchers.local import LocalLauncher
from daemon.loop import Outcome
from daemon.service import Ticker
from daemon.status import snapshot
from daemon.store import FILE, Store
from daemon.wiring import open_connector

pytestmark = pytest.mark.live

COLOURS = np.array([[120, 90, 60], [40, 160, 40], [160, 40, 160]], np.uint8)
CONTROL = Control(from_name="mask", to_name="image")


def paint(folder: Path, images: int) -> dict[str, np.ndarray]:
    """Images of squares, by name, with their exact masks."""
    folder.mkdir(parents=True)
    rng, truth = np.random.default_rng(0), {}
    for number in range(images):
        mask = np.zeros((24, 32), np.uint8)
        for value in (1, 2):
            y, x = rng.integers(0, 16), rng.integers(0, 24)
            mask[y : y + 8, x : x + 8] = value
        noisy = COLOURS[mask] + rng.integers(0, 30, (24, 32, 3))
        name = f"field{number:02d}.png"
        Image.fromarray(noisy.astype(np.uint8)).save(folder / name)
        truth[name] = mask
    return truth


class Field:
    """A project with images, a configuration for it and a daemon that ticks when told."""

    def __init__(self, server: LabelStudioServer, home: Path, name: str) -> None:
        self.server, self.home = server, home
        root = server.document_root / "loop" / name
        self.truth = paint(root, 30)
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
                "loop": {"budget_labels": 16, "batch_images": 4, "seed_images": 4},
                "validation": {"min_images": 4, "max_images": 4},
                "selection": {"duplicate_similarity": 1.0},
                "storage": {"min_free_gb": 0.0},
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
        self.launcher = LocalLauncher(module="tests.fakes.learner")
        self.connector = open_connector(self.config)
        self.ticker = Ticker(
            self.config, self.connector, self.launcher, lambda: datetime.now(UTC), None
        )

    def allow_open(self, done_share: float) -> None:
        """Start the next cycle when so much of a batch is answered."""
        loop = self.config.loop.model_copy(update={"done_share": done_share})
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

    def answer(self, user: WebUser) -> Question | None:
        question = user.next_task(self.project)
        if question is not None:
            mask = self.truth[question.details["data"]["maskloop_key"]]
            regions = encode(mask, self.config.class_set, CONTROL, {})
            user.submit(question, self.project, regions)
        return question

    def status(self) -> dict:
        return snapshot(self.config)


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


def test_two_annotators_get_every_batch_in_order_until_the_budget_is_spent(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    users = [annotator("ada"), annotator("grace")]
    outcome, served = field.tick(), []
    while not outcome.final:
        ranks = {row["task"]: row["rank"] for row in field.status()["batch"]["images"]}
        received = []
        while (question := field.answer(users[len(received) % 2])) is not None:
            received.append(ranks[str(question.task)])
        assert received == sorted(received)
        served.append(len(received))
        outcome = field.tick()

    status = field.status()
    assert served == [8, 4, 4]  # validation and seed, then two batches
    assert "budget is spent" in outcome.waiting
    assert status["labels"] == {"total": 16, "spent": 16, "left": 0}
    assert [point["labels"] for point in status["evaluations"]] == [8, 12, 16]
    assert [point["train_labels"] for point in status["evaluations"]] == [4, 8, 12]
    assert status["evaluations"][-1]["miou"] > 0.9
    assert users[0].next_task(field.project) is None


def test_the_stored_labels_are_what_people_drew(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    field.tick()
    while field.answer(annotator("ada")) is not None:
        pass
    field.ticker.tick()

    with Store(field.config.state / FILE, read_only=True) as store:
        for image in store.images():
            if image.id in store.labeled_ids():
                (field.home / "mask.png").write_bytes(store.label_png(image.id))
                with Image.open(field.home / "mask.png") as png:
                    np.testing.assert_array_equal(np.asarray(png), field.truth[image.key])
        assert len(store.tasks(TaskState.LABELED)) == 8


def test_validation_is_asked_first_and_never_trains(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    field.tick()

    arms = [row["arm"] for row in field.status()["batch"]["images"]]

    assert arms == ["validation"] * 4 + ["kcenter"] * 4


def test_a_better_model_replaces_the_predictions_of_open_tasks(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    field.allow_open(0.5)
    field.tick()
    for _ in range(6):
        field.answer(annotator("ada"))
    field.tick()

    first = annotator("ada").next_task(field.project)

    batch = field.status()["batch"]
    assert batch["cycle"] == 1
    assert first is not None
    assert first.prediction is not None  # of cycle 1, on an image that cycle 0 asked
    assert first.details["data"]["maskloop_cycle"] == 0
    assert len(first.result) > 0


def test_an_image_that_people_skip_is_replaced(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    field.tick()
    with Store(field.config.state / FILE, read_only=True) as store:
        stand_in = store.reserve(0)[0].image_id
    for name in ("ada", "grace"):
        while (question := annotator(name).next_task(field.project)) is not None:
            if question.details["data"]["maskloop_rank"] == 6:
                annotator(name).skip(question, field.project)
                break
            mask = field.truth[question.details["data"]["maskloop_key"]]
            regions = encode(mask, field.config.class_set, CONTROL, {})
            annotator(name).submit(question, field.project, regions)

    field.ticker.tick()

    batch = field.status()["batch"]
    assert batch["skipped"] == 1
    assert [row["image_id"] for row in batch["images"] if row["state"] == "open"][-1] == stand_in
