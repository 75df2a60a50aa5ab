"""What Label Studio 1.23.2 keeps and the rules it follows, as measured; no HTTP here.

Only what the connector and an annotator's page use. Times are a counter of milliseconds after
`clock`, so that nothing depends on the machine's clock.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]
EDITABLE = ("result", "was_cancelled", "ground_truth", "lead_time")
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class Answer(Exception):
    def __init__(self, status: int, body: Row) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


@dataclass
class Labeling:
    """The database of the fake."""

    projects: dict[int, Row] = field(default_factory=dict)
    tasks: dict[int, Row] = field(default_factory=dict)
    annotations: dict[int, Row] = field(default_factory=dict)
    predictions: dict[int, Row] = field(default_factory=dict)
    storages: list[Row] = field(default_factory=list)
    views: list[Row] = field(default_factory=list)  # of the data manager
    locks: dict[int, int] = field(default_factory=dict)  # user -> task
    drafts: list[Row] = field(default_factory=list)
    clock: Callable[[], datetime] = lambda: datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        self._ticks = itertools.count(1)
        self._annotation_ids = itertools.count(1)
        self._prediction_ids = itertools.count(1)
        self._ahead = timedelta()
        self._random = random.Random(0)

    def moment(self) -> datetime:
        return self.clock() + self._ahead + timedelta(milliseconds=next(self._ticks))

    def now(self) -> str:
        return self.moment().strftime(TIME)

    def wait(self, seconds: float) -> None:
        """Back, where negative: the machine's clock was set."""
        self._ahead += timedelta(seconds=seconds)

    def create_project(self, body: Row) -> Row:
        if len(body["title"]) < 3:
            raise Answer(400, {"validation_errors": {"title": ["at least 3 characters"]}})
        defaults = {
            "sampling": "Sequential sampling",
            "show_collab_predictions": True,
            "maximum_annotations": 1,
            "model_version": "",
            "expert_instruction": "",
            "show_skip_button": True,
            "skip_queue": "REQUEUE_FOR_OTHERS",
            "enable_empty_annotation": True,
            "evaluate_predictions_automatically": False,
        }
        project = {**defaults, **body, "id": len(self.projects) + 1}
        self.projects[project["id"]] = project
        return self.shown_project(project["id"])

    def shown_project(self, number: int) -> Row:
        if number not in self.projects:
            raise Answer(404, {"detail": "No Project matches the given query."})
        own = self.of(number)
        done = sum(len(self.of_task(task["id"])) for task in own)
        counted = {"task_number": len(own), "total_annotations_number": done}
        return {**self.projects[number], **counted}

    def of(self, project: int) -> list[Row]:
        return [task for task in self.tasks.values() if task["project"] == project]

    def patch_project(self, number: int, body: Row) -> Row:
        project, version = self.projects[number], body.get("model_version")
        versions = {row["model_version"] for row in self._predictions_of(number)}
        if version and version not in versions:
            wrong = {"model_version": ["Model version doesn't exist either as live model or..."]}
            raise Answer(400, {"detail": "Validation error", "validation_errors": wrong})
        before = project["maximum_annotations"]
        project.update(body)
        if body.get("show_collab_predictions") is False:
            project["model_version"] = ""
        if project["maximum_annotations"] != before:
            self._spread_overlap(number, project["maximum_annotations"])
        return self.shown_project(number)

    def _spread_overlap(self, number: int, overlap: int) -> None:
        own = self.of(number)
        some = [task for task in own if task["overlap"] > 1] if overlap > 1 else []
        for task in some or own:
            task["overlap"] = overlap
            task["is_labeled"] = self._answers(task) >= overlap

    def import_tasks(self, number: int, rows: list[Row]) -> Row:
        """All or nothing, as one POST is one transaction."""
        project = self.projects[number]
        image = re.findall(r'<Image[^>]*value="\$(\w+)"', project["label_config"])[0]
        for row in rows:
            if image not in row["data"]:
                raise Answer(400, {"validation_errors": {"non_field_errors": [f"no {image!r}"]}})
            self._check_predictions(number, row.get("predictions", []))
        ids = []
        for row in rows:
            task = self._new_task(number, row["data"])
            ids.append(task["id"])
            self.add_predictions(
                number, [{"task": task["id"], **one} for one in row.get("predictions", [])]
            )
        return {"task_count": len(ids), "task_ids": ids}

    def _new_task(self, number: int, data: Row) -> Row:
        overlap = self.projects[number]["maximum_annotations"]
        task = {
            "id": max(self.tasks, default=0) + 1,  # so SQLite gives a deleted id out again
            "project": number,
            "data": data,
            "overlap": overlap,
            "is_labeled": overlap <= 0,
            "created_at": self.now(),
            "updated_at": self.now(),
        }
        self.tasks[task["id"]] = task
        return task

    def _check_predictions(self, number: int, rows: list[Row]) -> None:
        config = self.projects[number]["label_config"]
        labels = set(re.findall(r'<Label value="([^"]*)"', config))
        for row in rows:
            if not 0 <= row["score"] <= 1:
                raise Answer(400, {"validation_errors": {"non_field_errors": ["score"]}})
            for region in row["result"]:
                if not set(region["value"][region["type"]]) <= labels:
                    raise Answer(400, {"validation_errors": {"non_field_errors": ["label"]}})

    def add_predictions(self, number: int, rows: list[Row]) -> Row:
        """Does not touch a task's updated_at; a repeated import doubles them."""
        own = {task["id"] for task in self.of(number)}
        if strangers := [row["task"] for row in rows if row["task"] not in own]:
            text = f"Invalid task ID {strangers[0]} - task not found in project"
            raise Answer(400, {"validation_errors": {"non_field_errors": [text]}})
        self._check_predictions(number, rows)
        for row in rows:
            made = {**row, "id": next(self._prediction_ids)}
            self.predictions[made["id"]] = made
            if not self.projects[number]["model_version"]:
                self.projects[number]["model_version"] = row["model_version"]
        return {"created": len(rows)}

    def _predictions_of(self, number: int) -> list[Row]:
        own = {task["id"] for task in self.of(number)}
        return [row for row in self.predictions.values() if row["task"] in own]

    def versions(self, number: int) -> Row:
        names = [row["model_version"] for row in self._predictions_of(number)]
        return {
            "static": [{"model_version": name, "count": names.count(name)} for name in set(names)]
        }

    def patch_task(self, number: int, body: Row) -> Row:
        if number not in self.tasks:
            raise Answer(404, {"detail": "No Task matches the given query."})
        self.tasks[number].update(body, updated_at=self.now())
        return self.tasks[number]

    def delete_task(self, number: int) -> None:
        if number not in self.tasks:
            raise Answer(404, {"detail": "No Task matches the given query."})
        del self.tasks[number]
        self.locks = {who: task for who, task in self.locks.items() if task != number}
        for table in (self.annotations, self.predictions):
            for row in [row for row in table.values() if row["task"] == number]:
                del table[row["id"]]

    def annotate(self, number: int, user: int, body: Row) -> Row:
        if number not in self.tasks:
            raise Answer(404, {"detail": "No Task matches the given query."})
        parent = body.get("parent_prediction")
        if parent is not None and parent not in self.predictions:
            raise Answer(400, {"validation_errors": {"parent_prediction": ["Invalid pk"]}})
        moment = self.now()
        made = {
            "id": next(self._annotation_ids),
            "task": number,
            "completed_by": user,
            "result": body["result"],
            "was_cancelled": body.get("was_cancelled", False),
            "ground_truth": False,
            "lead_time": body.get("lead_time"),
            "parent_prediction": parent,
            "created_at": moment,
            "updated_at": moment,
        }
        self.annotations[made["id"]] = made
        self.locks.pop(user, None)
        self._settle(number)
        return made

    def edit_annotation(self, number: int, body: Row) -> Row:
        if number not in self.annotations:
            raise Answer(404, {"detail": "No Annotation matches the given query."})
        known = self.annotations[number]
        known.update({name: body[name] for name in EDITABLE if name in body})
        known["updated_at"] = self.now()
        self._settle(known["task"])
        return known

    def delete_annotation(self, number: int) -> None:
        if number not in self.annotations:
            raise Answer(404, {"detail": "No Annotation matches the given query."})
        self._settle(self.annotations.pop(number)["task"])

    def save_draft(self, number: int, user: int, body: Row) -> Row:
        """Leaves the task's updated_at alone."""
        if number not in self.tasks:
            raise Answer(404, {"detail": "No Task matches the given query."})
        row = {"id": len(self.drafts) + 1, "task": number, "user": user, "created_at": self.now()}
        self.drafts.append(row | {"result": body["result"]})
        return row

    def _settle(self, number: int) -> None:
        task = self.tasks[number]
        task["is_labeled"] = self._answers(task) >= task["overlap"]
        task["updated_at"] = self.now()

    def _answers(self, task: Row) -> int:
        mine = self.of_task(task["id"])
        return sum(not row["was_cancelled"] for row in mine)

    def of_task(self, number: int) -> list[Row]:
        return [row for row in self.annotations.values() if row["task"] == number]

    def next_task(self, number: int, user: int) -> Row:
        """What the button "Label All Tasks" gets: lowest score of the version in force first."""
        solved = {row["task"] for row in self.annotations.values() if row["completed_by"] == user}
        left = [
            task for task in self.of(number) if not task["is_labeled"] and task["id"] not in solved
        ]
        held = [task for task in left if self.locks.get(user) == task["id"]]
        for task in held or self._in_order(number, left):
            others = sum(one == task["id"] for who, one in self.locks.items() if who != user)
            if held or self._answers(task) + others < task["overlap"]:
                self.locks[user] = task["id"]
                mine = [row for row in self.predictions.values() if row["task"] == task["id"]]
                return {**task, "predictions": mine}
        raise Answer(404, {"detail": "There are no tasks for you"})

    def _in_order(self, number: int, left: list[Row]) -> list[Row]:
        project = self.projects[number]
        if project["sampling"].startswith("Sequential"):
            return left
        scores: dict[int, float] = {}
        for row in self._predictions_of(number):
            if row["model_version"] == project["model_version"]:
                scores[row["task"]] = min(row["score"], scores.get(row["task"], 1.0))
        ranked = [task for task in left if task["id"] in scores]
        if not ranked:  # uncertainty sampling falls back to chance
            return self._random.sample(left, len(left))
        return sorted(ranked, key=lambda task: scores[task["id"]])

    def shown_task(self, task: Row, include: set[str], filtered: set[str], full: bool) -> Row:
        """`include` also filters the fields of annotations, not those of predictions. filtered:
        fields of the filters; what is gathered from other tables is told of those only."""
        mine = self.of_task(task["id"])
        versions = [
            row["model_version"] for row in self.predictions.values() if row["task"] == task["id"]
        ]
        whole = {
            **task,
            "total_annotations": self._answers(task),
            "predictions_model_versions": ",".join(dict.fromkeys(versions))
            if "predictions_model_versions" in filtered
            else "",
        }
        if "annotations_ids" in filtered:
            whole["annotations_ids"] = ",".join(str(row["id"]) for row in mine)
        if full:
            whole["draft_exists"] = any(row["task"] == task["id"] for row in self.drafts)
            whole["predictions"] = [
                row for row in self.predictions.values() if row["task"] == task["id"]
            ]
            whole["annotations"] = [
                {name: value for name, value in row.items() if name in include} for row in mine
            ]
        return {name: value for name, value in whole.items() if name in include}
