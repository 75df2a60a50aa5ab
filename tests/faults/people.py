"""People at work: annotators with open tabs, and those who tidy up the project.

They speak the calls of Label Studio's own pages, so they work on the fake and on a real one.
Whatever they did is remembered, to be compared with what the daemon made of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np

from connectors.masks.regions import Control, encode
from daemon.domain import ClassSet, Mask
from tests.faults.learner import SIZE

CLASSES = ClassSet(names=("soil", "crop", "weed"))
CONTROL = Control(from_name="mask", to_name="image")
ANNOTATORS = ("ada", "grace", "mary")
EVERY_TASK = quote(
    json.dumps({"ordering": ["tasks:id"], "filters": {"conjunction": "and", "items": []}})
)
Call = Callable[..., tuple[int, Any]]  # (who, method, path, body) -> (status, answer)


@dataclass(frozen=True, kw_only=True)
class Tab:
    """A task as somebody has it open."""

    task: int
    prediction: int | None
    result: Sequence[Mapping[str, Any]]


@dataclass
class People:
    """call: how they reach the server. addresses: of images that nobody put into the project.

    drawn: annotation -> the mask submitted last. refused: answers that no annotator should get.
    """

    call: Call
    project: int
    rng: np.random.Generator
    addresses: list[str]
    tabs: dict[str, Tab] = field(default_factory=dict)
    drawn: dict[int, Mask] = field(default_factory=dict)
    deleted_tasks: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def act(self) -> None:
        """One of them does something."""
        weights = np.array([weight for _, weight in ACTS], dtype=float)
        chosen = int(self.rng.choice(len(ACTS), p=weights / weights.sum()))
        who = ANNOTATORS[int(self.rng.integers(len(ANNOTATORS)))]
        self.done.append(f"{who} {ACTS[chosen][0].__name__}")
        ACTS[chosen][0](self, who)

    def finish(self) -> None:
        """Everybody submits what is open, so that nothing is held any more."""
        for who in list(self.tabs):
            self.submit(who)

    def drain(self, who: str, most: int) -> list[int]:
        """The tasks that somebody new is handed, in this order; each is submitted."""
        served = []
        while len(served) < most and self.take(who):
            served.append(self.tabs[who].task)
            self.submit(who)
        return served

    def take(self, who: str) -> bool:
        path = f"/api/dm/actions?id=next_task&project={self.project}"
        status, task = self.call(who, "POST", path, {"project": str(self.project)})
        if status == 404:
            self.tabs.pop(who, None)
            return False
        version = self.call(who, "GET", f"/api/projects/{self.project}", None)[1]["model_version"]
        shown = [one for one in task["predictions"] if one["model_version"] == version]
        self.tabs[who] = Tab(
            task=int(task["id"]),
            prediction=int(shown[0]["id"]) if version and shown else None,
            result=shown[0]["result"] if version and shown else [],
        )
        return True

    def submit(self, who: str) -> None:
        tab = self.tabs.pop(who, None)
        if tab is None:
            return
        mask = self._mask()
        self._annotate(who, tab, {"result": self._regions(mask)}, mask)

    def answer(self, who: str) -> None:
        if who in self.tabs or self.take(who):
            self.submit(who)

    def skip(self, who: str) -> None:
        if who in self.tabs or self.take(who):
            self._annotate(who, self.tabs.pop(who), {"result": [], "was_cancelled": True}, None)

    def edit(self, who: str) -> None:
        for number in self._some(self.annotations()):
            mask = self._mask()
            body = {"result": self._regions(mask), "was_cancelled": False}
            if self.call(who, "PATCH", f"/api/annotations/{number}/", body)[0] == 200:
                self.drawn[number] = mask

    def withdraw(self, who: str) -> None:
        for number in self._some(self.annotations()):
            self.call(who, "DELETE", f"/api/annotations/{number}/", None)

    def draft(self, who: str) -> None:
        if who in self.tabs:
            path = f"/api/tasks/{self.tabs[who].task}/drafts?project={self.project}"
            self.call(who, "POST", path, {"result": self._regions(self._mask()), "lead_time": 1.0})

    def delete_task(self, who: str) -> None:
        for number in self._some([task["id"] for task in self.tasks()]):
            self.deleted_tasks.append(number)
            self.call(who, "DELETE", f"/api/tasks/{number}/", None)

    def add_task(self, who: str) -> None:
        """By hand, of an image that may be in the project already."""
        for number in self._some(list(range(len(self.addresses)))):
            body = [{"data": {"image": self.addresses[number], "maskloop_reason": "by hand"}}]
            self.call(who, "POST", f"/api/projects/{self.project}/import", body)

    def replace_newest(self, who: str) -> None:
        """The number of the deleted task is given out again at once."""
        newest = max((task["id"] for task in self.tasks()), default=None)
        if newest is not None:
            self.deleted_tasks.append(newest)
            self.call(who, "DELETE", f"/api/tasks/{newest}/", None)
            self.add_task(who)

    def change_settings(self, who: str) -> None:
        bodies: list[dict[str, Any]] = [
            {"sampling": "Sequential sampling"},
            {"maximum_annotations": 2},
            {"show_collab_predictions": False},
            {"model_version": ""},
            {"maximum_annotations": 1},
        ]
        body = bodies[int(self.rng.integers(len(bodies)))]
        self.call(who, "PATCH", f"/api/projects/{self.project}/", body)

    def tasks(self) -> list[dict[str, Any]]:
        """All tasks with their annotations, by id."""
        fields = "id,data,overlap,is_labeled,annotations,was_cancelled,updated_at,task"
        path = f"/api/tasks?project={self.project}&query={EVERY_TASK}&fields=all&include={fields}"
        rows = self.call("ada", "GET", f"{path}&page=1&page_size=1000&resolve_uri=false", None)[1]
        found: list[dict[str, Any]] = rows["tasks"]
        return found

    def annotations(self) -> list[int]:
        return sorted(int(one["id"]) for task in self.tasks() for one in task["annotations"])

    def _annotate(self, who: str, tab: Tab, body: dict[str, Any], mask: Mask | None) -> None:
        body |= {"lead_time": 1.0, "draft_id": 0, "project": self.project}
        if tab.prediction is not None:
            body["parent_prediction"] = tab.prediction
        path = f"/api/tasks/{tab.task}/annotations?project={self.project}"
        status, made = self.call(who, "POST", path, body)
        if status == 201 and mask is not None:
            self.drawn[int(made["id"])] = mask
        gone = tab.task in self.deleted_tasks
        if status != 201 and not gone:
            self.refused.append(f"{who} could not submit task {tab.task}: {status} {made}")

    def _mask(self) -> Mask:
        return self.rng.integers(0, 3, SIZE, dtype=np.uint8)

    def _regions(self, mask: Mask) -> list[dict[str, Any]]:
        return [{**one, "origin": "manual"} for one in encode(mask, CLASSES, CONTROL, {})]

    def _some(self, numbers: Sequence[int]) -> list[int]:
        """One of them, none where there is none."""
        return [int(numbers[int(self.rng.integers(len(numbers)))])] if numbers else []


ACTS: tuple[tuple[Callable[[People, str], Any], float], ...] = (
    (People.answer, 12),
    (People.take, 3),
    (People.skip, 2),
    (People.edit, 2.5),
    (People.withdraw, 1.5),
    (People.draft, 0.7),
    (People.delete_task, 0.7),
    (People.add_task, 1),
    (People.replace_newest, 0.5),
    (People.change_settings, 0.7),
)
