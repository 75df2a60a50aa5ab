"""A second look at an answered task by another person.

Measured on 1.23.2: `overlap` = answers + 1 together with `is_labeled` = false puts an answered task
back into the stream. Its authors do not get it; the next other person gets it by the score of its
prediction, and a third one does not. Submitting closes it, a skip passes it on. Each of the two
fields alone serves nobody. `overlap` = answers with `is_labeled` = true takes it back.

Which prediction the person begins with makes the difference: a review shows the author's label, a
second label an empty page, as the page of a person shows no annotation of another one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import ApiRefused
from connectors.label_studio.label_config import LabelConfig
from connectors.label_studio.provenance import REVIEW, SourcePrediction
from connectors.label_studio.push import POSITIONS, STATE_TYPES
from connectors.label_studio.request_bodies import Row, request_bodies
from connectors.masks.regions import encode
from daemon.domain import ClassSet
from daemon.domain.faults import printable
from daemon.domain.reviews import ReviewRegion, ReviewRequest

MOST_POSITIONS = 1000  # all reviews come before the first open task
PREDICTIONS = 50  # a POST
SENTENCE_CHARS = 500


def review_score(position: int) -> float:
    """The prediction score of a review: below that of every open task. position: 0-based."""
    return (min(position, MOST_POSITIONS - 1) + 1) / (MOST_POSITIONS + 1) * 0.5 / POSITIONS


class Reviews:
    """Reviews in one project."""

    def __init__(self, api: Api, project: int, classes: ClassSet) -> None:
        self._api, self._project, self._classes = api, project, classes

    def open(
        self, version: str, requests: Sequence[ReviewRequest], label_config: LabelConfig
    ) -> set[str]:
        """Hand these tasks to another person, with the author's label among the predictions of
        `version`; the tasks for which that is possible. Twice changes nothing."""
        asked = {int(request.task): request for request in requests}
        found = {task["id"]: task for task in self._find(asked, ["predictions"])}
        results = {number: self._result(one, label_config) for number, one in asked.items()}
        usable = [
            number
            for number, task in found.items()
            if results[number] is not None and _is_usable(task, asked[number], version)
        ]

        def row_of(number: int) -> Row:
            shown = {"model_version": version, "result": results[number]}
            return {"task": number, "score": review_score(asked[number].position), **shown}

        new = [
            number
            for number in usable
            if not _is_answered(found[number], asked[number])
            and not _pages(found[number], asked[number], version)
        ]
        for body in request_bodies(row_of, new, PREDICTIONS):
            self._api.post(f"api/projects/{self._project}/import/predictions", body)
        self.keep_open({str(number): asked[number].answers for number in usable})
        return {str(number) for number in usable}

    def keep_open(self, answers: Mapping[str, int]) -> set[str]:
        """Put reviews that nobody answered back into the stream where a setting took them out;
        returns the tasks that are gone. answers: task -> annotations it had before its review."""
        before = {int(task): number for task, number in answers.items()}
        found = {task["id"]: task for task in self._find(before, [])}
        for number, task in found.items():
            wanted = before[number] + 1
            is_answered = task["total_annotations"] >= wanted
            if not is_answered and (task["overlap"] != wanted or task["is_labeled"]):
                self._patch(number, {"overlap": wanted, "is_labeled": False})
        return {str(number) for number in before.keys() - found.keys()}

    def withdraw(self, numbers: Collection[str]) -> None:
        """Take reviews back; a task whose annotations were all deleted is asked as any other."""
        for task in self._find([int(number) for number in numbers], []):
            answers = task["total_annotations"]
            change = {"overlap": max(answers, 1), "is_labeled": answers > 0}
            if any(task[name] != value for name, value in change.items()):
                self._patch(task["id"], change)

    def _find(self, numbers: Collection[int], fields: Collection[str]) -> list[tasks.Task]:
        wanted = {*STATE_TYPES, *fields}
        found = tasks.find_each(self._api, self._project, "id", sorted(numbers), wanted)
        return [task for task in found if _is_readable(task)]

    def _patch(self, number: int, change: Mapping[str, Any]) -> None:
        try:
            self._api.patch(f"api/tasks/{number}/", change)
        except ApiRefused as exc:
            if exc.status != 404:  # deleted meanwhile
                raise

    def _result(self, request: ReviewRequest, label_config: LabelConfig) -> list[Row] | None:
        """The regions of the page; None where there are none to show, as the project takes shapes
        only, though the request has some."""
        if request.regions is None:
            return []
        source = SourcePrediction(version=REVIEW, regions=len(request.regions))
        found = [
            {**encoded, "id": source.region_id(row)}
            for row, region in enumerate(request.regions)
            for encoded in self._encoded(region, label_config)
        ]
        return found or None

    def _encoded(self, region: ReviewRegion, label_config: LabelConfig) -> list[Row]:
        unlabeled = self._classes.unlabeled
        mask = np.where(region.pixels, np.uint8(region.value), np.uint8(unlabeled))
        further: Row = {} if region.score is None else {"score": round(region.score, 4)}
        if region.sentence:
            further["meta"] = {"text": [printable(region.sentence, SENTENCE_CHARS)]}
        regions = encode(mask, self._classes, label_config.control, {})
        return [{**one, **further} for one in regions]


def _is_usable(task: tasks.Task, request: ReviewRequest, version: str) -> bool:
    """Whether a task can be reviewed: it has the expected annotations and no other prediction of
    this version, which the reviewer might see instead. A review that is answered stays one."""
    if _is_answered(task, request):
        return request.regions is None or bool(_reviews(task))
    others = len(_predictions(task, version)) - len(_pages(task, request, version))
    return not others and task["total_annotations"] == request.answers


def _is_answered(task: tasks.Task, request: ReviewRequest) -> bool:
    answers: int = task["total_annotations"]
    return answers > request.answers


def _pages(task: tasks.Task, request: ReviewRequest, version: str) -> list[Mapping[str, Any]]:
    """The predictions of this version that show what the request says: the label under review, or
    nothing. An empty page may be older than the request, as from before there was a model."""
    if request.regions is None:
        return [row for row in _predictions(task, version) if row.get("result") == []]
    return _reviews(task, version)


def _predictions(task: tasks.Task, version: str | None = None) -> list[Mapping[str, Any]]:
    """Of this version; None: of every version."""
    listed = task.get("predictions")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return [row for row in rows if version in (None, row.get("model_version"))]


def _reviews(task: tasks.Task, version: str | None = None) -> list[Mapping[str, Any]]:
    """The predictions that show a label for a review."""
    return [row for row in _predictions(task, version) if _is_review(row)]


def _is_review(prediction: Mapping[str, Any]) -> bool:
    regions = prediction.get("result")
    rows = regions if isinstance(regions, list) else []
    ids = [str(region.get("id")) for region in rows if isinstance(region, dict)]
    source = SourcePrediction.from_region_ids(ids)
    return source is not None and source.version == REVIEW


def _is_readable(task: tasks.Task) -> bool:
    return all(isinstance(task.get(name), kind) for name, kind in STATE_TYPES.items())
