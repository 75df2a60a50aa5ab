"""Whether all numbers of images, labels and tasks that a person is shown add up."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from daemon.cli.terminal import show_status
from daemon.config.loading import Config
from daemon.domain import Role, TaskState
from daemon.status.model import Status
from daemon.store import FILE, Store
from daemon.web.app import create_app
from tests.fakes.status_json import status_json

STATES = [state.value for state in TaskState]


def disagreements(config: Config) -> list[str]:
    """All pairs of numbers that should be equal and are not, in words; empty where all agree."""
    status = status_json(config)
    with Store(config.state / FILE, read_only=True) as store:
        pairs = [
            *_labels(status, store),
            *_tasks(status, store),
            *_batch(status),
            *_terminal(status),
            *_page(status),
            *_curve(status, store),
        ]
    return [f"{name}: {one} and {other}" for name, one, other in pairs if one != other]


Pair = tuple[str, Any, Any]


def _labels(status: dict[str, Any], store: Store) -> Iterator[Pair]:
    labels, uses = status["labels"], status["uses"]
    yield "labels and what they are for", labels["spent"], sum(uses.values())
    yield "labels left", labels["left"], max(0, labels["total"] - labels["spent"])
    yield "labels in the store", labels["spent"], len(store.labeled_ids())
    yield "images by role", sum(status["images"].values()), len(store.images())


def _tasks(status: dict[str, Any], store: Store) -> Iterator[Pair]:
    tasks = status["tasks"]
    parts = tasks["open_batch"] + tasks["open_earlier"] + tasks["being_sent"]
    yield "open images and where they come from", tasks["open"], parts
    rows = store.tasks(TaskState.OPEN)
    yield "open tasks in the store", tasks["open_batch"] + tasks["open_earlier"], len(rows)
    yield "images with two open tasks", len(rows), len({row.image_id for row in rows})
    if found := re.match(r"(\d+) images? waits? for annotators", status["waiting"] or ""):
        yield "images that the daemon waits for", int(found[1]), tasks["open"]
    pool = {image.id for image in store.images() if image.role is Role.POOL}
    known = store.labeled_ids() | store.queried_ids()
    left = status["labels"]["left"] - tasks["open"]
    yield "images that may be asked", tasks["may_ask"], max(0, min(len(pool - known), left))


def _batch(status: dict[str, Any]) -> Iterator[Pair]:
    batch = status["batch"]
    if batch is None:
        return
    images = batch["images"]
    yield "images of the batch", batch["asked"], len(images)
    yield "states of the batch", batch["asked"], sum(batch[state] for state in STATES)
    for state in STATES:
        shown = sum(image["state"] == state for image in images)
        yield f"{state} images of the batch", batch[state], shown
    yield "ranks", [image["rank"] for image in images], list(range(1, len(images) + 1))
    yield "open images of the batch", batch["open"], status["tasks"]["open_batch"]


def _terminal(status: dict[str, Any]) -> Iterator[Pair]:
    out = io.StringIO()
    show_status(Status.model_validate(status), Console(file=out, width=400, highlight=False))
    text, labels = out.getvalue(), status["labels"]
    wanted = f"labels: {labels['spent']} spent, {labels['left']} left of {labels['total']}"
    yield "labels on the terminal", True, wanted in text
    if found := re.search(r"batch of cycle \d+: (\d+) asked: ([^;(\n]*)", text):
        said = dict(one.split(" ", 1)[::-1] for one in found[2].strip().split(", "))
        yield "the batch on the terminal", int(found[1]), sum(map(int, said.values()))
        shown = len(re.findall(r" open since ", text))
        yield "open images listed on the terminal", shown, int(said.get("open", 0))


def _page(status: dict[str, Any]) -> Iterator[Pair]:
    page = create_app(lambda: Status.model_validate(status)).test_client().get("/").text
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    labels, batch = status["labels"], status["batch"]
    yield "labels on the page", True, f"{labels['left']} of {labels['total']} labels" in text
    if batch is not None:
        of_batch = f"{batch['labeled']} of {batch['asked']} labeled {batch['open']} open"
        yield "the batch on the page", True, of_batch in text
        words = r"(\d+) (?:skipped|expired|deleted|unusable|retired)\b"
        others = sum(map(int, re.findall(words, text)))
        rest = batch["asked"] - batch["labeled"] - batch["open"] - batch["withdrawn"]
        yield "the other states on the page", True, others >= rest


def _curve(status: dict[str, Any], store: Store) -> Iterator[Pair]:
    last = store.last_cycle()
    for cycle in range(last.number + 1 if last else 0):
        people = sum(store.labels_by_annotator(cycle).values())
        yield f"people of cycle {cycle}", people, store.labels_at_start(cycle)
    for point in status["evaluations"]:
        measuring = point["labels"] - point["train_labels"]
        yield f"validation images of cycle {point['cycle']}", point["images"], measuring
