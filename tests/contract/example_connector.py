"""The example of connectors/README.md: a labeling tool whose tasks and answers are JSON files.

DESK/tasks/7.json    {"image": "a.png", "push": KEY, "open": true, "position": 0, "mask": [[0, 1]]}
DESK/answers/7.json  {"annotator": "ada", "mask": [[0, 2]]}, written by the annotators' own program
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from connectors.images.cache import folder_images, read_below
from daemon.domain import (
    IGNORE,
    Annotation,
    AnswerId,
    Changes,
    ClassSet,
    Fault,
    FoundImage,
    TaskRequest,
)
from daemon.domain.errors import ConnectorRefused, MaskRefused
from daemon.intake import Intake
from daemon.pixels.folders import LeftOut, PictureFolder
from daemon.runs.durable import write_json

Size = tuple[int, int]  # (height_px, width_px)


class JsonDesk:
    """Tasks and answers as JSON files below `desk`; the images lie in a folder."""

    def __init__(self, *, images: Path, desk: Path, classes: ClassSet) -> None:
        self._images, self._desk, self._classes = images, desk, classes
        self._folder = PictureFolder(images)
        for name in ("tasks", "answers"):
            (desk / name).mkdir(parents=True, exist_ok=True)

    def check(self) -> Sequence[Fault]:
        if next(iter(self.images()), None) is not None:
            return []
        where, cure = str(self._images), "put images into it"
        return [Fault(where=where, got="no image", expected="at least one", cure=cure)]

    def notes(self) -> Sequence[str]:
        return []

    def claim(self, owner: str) -> None:
        file = self._desk / "owner"
        if not file.exists():
            file.write_text(owner)
        if (found := file.read_text()) != owner:
            raise ConnectorRefused(f"{file}: got {found}; expected {owner}; stop the other one")

    def images(self) -> Iterable[FoundImage]:
        return folder_images(self._folder)

    def left_out(self) -> Sequence[LeftOut]:
        return self._folder.latest.left_out

    def read(self, image: FoundImage) -> bytes:
        return read_below(self._images, image.key)

    def fingerprint(self, image: FoundImage) -> str:
        return ""

    def changes(
        self, cursor: str | None, sizes: Mapping[str, Size], asked: Collection[str] = ()
    ) -> Changes:
        tasks, intake, since = self._tasks(), Intake(), int(cursor or 0)
        files = {path.stem: path for path in (self._desk / "answers").glob("*.json")}
        times = {task: path.stat().st_mtime_ns for task, path in files.items() if task in tasks}
        changed = [task for task, time in times.items() if time >= since]  # twice is harmless
        annotations = []
        for task in changed:
            answer = AnswerId(annotation=task, task=task, image_key=tasks[task]["image"])
            cure = "correct the file"
            with intake.guard(answer.where, expected="a mask", cure=cure, answer=answer):
                annotations.append(self._annotation(answer, files[task], times[task], sizes))
        return Changes(
            cursor=str(max(times.values(), default=since)),
            annotations=tuple(annotations),
            annotation_ids={task: (task,) for task in changed},
            lost_tasks=tuple(task for task in asked if task not in tasks),
            faults=intake.faults(),
        )

    def push(self, asks: Sequence[TaskRequest], key: str, version: str) -> Mapping[int, str]:
        tasks = self._tasks()
        known = {task["image"]: number for number, task in tasks.items() if task["open"]}
        known |= {task["image"]: number for number, task in tasks.items() if task["push"] == key}
        pushed: dict[int, str] = {}
        for ask in asks:
            number = known.get(ask.image.key)
            if number is None or (ask.needs_new_task and tasks[number]["push"] != key):
                number = str(len(tasks) + 1)
                tasks[number] = {"image": ask.image.key, "push": key, "open": True}
                self._save(number, tasks[number] | _shown(ask))
            pushed[ask.image.id] = number
        return pushed

    def rerank(self, version: str, asks: Sequence[TaskRequest]) -> None:
        tasks = self._tasks()
        if unknown := [ask.task for ask in asks if ask.task not in tasks]:
            raise ConnectorRefused(f"{self._desk}: got no task {unknown[0]}; restore its file")
        for ask in asks:
            self._save(str(ask.task), tasks[str(ask.task)] | _shown(ask))

    def retire(self, tasks: Collection[str]) -> None:
        for number, task in self._tasks().items():
            if number in tasks:
                self._save(number, task | {"open": False})

    def delete_predictions(self, version: str) -> bool:
        return True  # a rerank replaces them

    def repair(
        self, version: str | None, open_tasks: Collection[str], pause_min: int | None = None
    ) -> Sequence[str]:
        others = [n for n, task in self._tasks().items() if task["open"] and n not in open_tasks]
        self.retire(others)
        return [f"task {number} was not asked for, it is closed" for number in others]

    def close(self) -> None:
        """Nothing is open."""

    def _tasks(self) -> dict[str, Any]:
        files = sorted((self._desk / "tasks").glob("*.json"), key=lambda path: int(path.stem))
        return {path.stem: json.loads(path.read_text()) for path in files}

    def _save(self, number: str, task: Mapping[str, Any]) -> None:
        write_json(self._desk / "tasks" / f"{number}.json", task)

    def _annotation(
        self, answer: AnswerId, file: Path, time_ns: int, sizes: Mapping[str, Size]
    ) -> Annotation:
        given, size = json.loads(file.read_text()), sizes.get(answer.image_key)
        mask = np.array(given["mask"], np.uint8)
        if mask.shape != size:
            raise MaskRefused(got=f"a mask {mask.shape}", expected=f"{size}", cure="label it again")
        if unknown := set(np.unique(mask).tolist()) - {*range(len(self._classes)), IGNORE}:
            expected, cure = f"0 to {len(self._classes) - 1} or {IGNORE}", "label it again"
            raise MaskRefused(got=f"the values {unknown}", expected=expected, cure=cure)
        time = datetime.fromtimestamp(time_ns / 1e9, UTC)
        return Annotation(
            id=answer.annotation,
            task=answer.task,
            image_key=answer.image_key,
            mask=mask,
            annotator=str(given["annotator"]),
            created_at=time,
            updated_at=time,
        )


def _shown(ask: TaskRequest) -> dict[str, Any]:
    """What the annotators' program needs: the order, the reason and the predicted mask."""
    mask = ask.prediction.mask.tolist() if ask.prediction else None
    return {"position": ask.position, "reason": ask.reason, "mask": mask}
