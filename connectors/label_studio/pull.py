"""What people did: changed tasks since a cursor, their annotations decoded.

The cursor is JSON: when we looked, by the server's clock, and the ids of all tasks as ranges, so
that a task which disappears is noticed without a memory of our own. A change becomes visible
some tenths of a second after its time (measured), and a busy server may take longer, so the two
minutes before the last look are read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.label_studio import tasks
from connectors.label_studio.api import Api, Refused
from connectors.label_studio.shown import Shown
from connectors.label_studio.sources import Source
from connectors.label_studio.wiring import Wiring
from connectors.refusals import RegionRefused
from connectors.regions import Decoded, decode
from daemon.domain import Annotation, AnswerId, Changes, ClassSet, Fault, Skip

OVERLAP = timedelta(seconds=120)
BEFORE = timedelta(seconds=30)  # an answer may seem this much older than its task
PAGE = 200
# `include` also filters what is inside an annotation, so its fields are named here too;
# predictions are left out: ten re-ranks would make them the bulk of every answer.
FIELDS = [
    "annotations",
    "completed_by",
    "created_at",
    "data",
    "ground_truth",
    "lead_time",
    "parent_prediction",
    "result",
    "updated_at",
    "was_cancelled",
]


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """How far the reading has come. looked_at: the server's clock, or the latest change where it
    tells no time. tasks: the ids that the project held."""

    looked_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    tasks: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """The cursor that `str` wrote; the beginning for None."""
        if text is None:
            return cls()
        stored = json.loads(text)
        moment = datetime.fromisoformat(stored["looked_at"])
        return cls(looked_at=moment, tasks=frozenset(_from_ranges(stored["tasks"])))

    def __str__(self) -> str:
        return json.dumps(
            {"looked_at": self.looked_at.isoformat(), "tasks": _to_ranges(self.tasks)}
        )


class Puller:
    """Reads changes of one project."""

    def __init__(self, api: Api, project: int, classes: ClassSet) -> None:
        self._api, self._project, self._classes = api, project, classes
        self._shown: dict[int, Shown | None] = {}  # prediction -> what was looked up

    def changes(
        self,
        cursor: Cursor,
        sizes: Mapping[str, tuple[int, int]],
        source: Source,
        wiring: Wiring,
        task_number: int,
    ) -> Changes:
        """Everything since `cursor`; task_number: how many tasks the project holds now."""
        looked_at = self._api.server_time
        changed = self._changed(cursor.looked_at)
        if looked_at is None:
            times = [_moment(task["updated_at"]) for task in changed]
            looked_at = max([cursor.looked_at, *times])
        known, lost = self._follow(cursor.tasks, {task["id"] for task in changed}, task_number)
        answers: list[Annotation | Skip] = []
        faults: list[Fault] = []
        for task in changed:
            key = source.key_of(task["data"], wiring.image_field)
            for given in task["annotations"]:
                try:
                    answer = self._read(given, task["id"], key, sizes, wiring)
                    answers.append(_flagged(answer, task.get("created_at")))
                except RegionRefused as exc:
                    faults.append(replace(exc.fault, answer=_answer_id(given, task["id"], key)))
        return Changes(
            cursor=str(Cursor(looked_at=looked_at, tasks=known)),
            annotations=tuple(one for one in answers if isinstance(one, Annotation)),
            skips=tuple(one for one in answers if isinstance(one, Skip)),
            lost_tasks=tuple(str(task) for task in sorted(lost)),
            faults=tuple(faults),
            seen={
                str(task["id"]): tuple(str(given["id"]) for given in task["annotations"])
                for task in changed
            },
        )

    def _changed(self, looked_at: datetime) -> list[tasks.Task]:
        """Tasks changed since a little before then. Each page starts where the last one ended
        in time: a task that changes meanwhile moves to the end and would shift numbered pages."""
        found: dict[int, tasks.Task] = {}
        since, page = looked_at - OVERLAP, 1
        while True:
            rows, total = tasks.find_page(
                self._api,
                self._project,
                [tasks.is_since("updated_at", since)],
                FIELDS,
                order="tasks:updated_at",
                page=page,
                page_size=PAGE,
            )
            found |= {task["id"]: task for task in rows}
            if page * PAGE >= total or not rows:
                return list(found.values())
            last = _moment(rows[-1]["updated_at"])
            since, page = (last, 1) if last > since else (since, page + 1)

    def _follow(
        self, known: frozenset[int], changed: set[int], task_number: int
    ) -> tuple[frozenset[int], frozenset[int]]:
        """All task ids now, and those that are gone; a listing only when the count is off."""
        if len(known | changed) == task_number:
            return known | changed, frozenset()
        now = frozenset(task["id"] for task in tasks.find(self._api, self._project, [], []))
        return now, known - now

    def _read(
        self,
        given: Mapping[str, Any],
        task: int,
        key: str | None,
        sizes: Mapping[str, tuple[int, int]],
        wiring: Wiring,
    ) -> Annotation | Skip:
        where = _answer_id(given, task, key).place
        if key is None or key not in sizes:
            raise RegionRefused(
                Fault(
                    where=where,
                    got=f"the image {key!r}",
                    expected="an image that the daemon knows and can read",
                    cure="see whether that image is in quarantine",
                )
            )
        names = {"id": str(given["id"]), "task": str(task), "image_key": key}
        annotator = str(given["completed_by"])
        if given["was_cancelled"]:
            return Skip(**names, annotator=annotator, at=_moment(given["updated_at"]))
        decoded = decode(given["result"], self._classes, wiring.control, sizes[key], where)
        shown = self._shown_to(decoded, given["parent_prediction"])
        return Annotation(
            **names,
            mask=decoded.mask,
            annotator=annotator,
            updated_at=_moment(given["updated_at"]),
            created_at=_moment(given["created_at"]),
            lead_time_s=given["lead_time"],
            ground_truth=bool(given["ground_truth"]),
            corrected=_corrected(decoded, given["parent_prediction"], shown),
            shown=shown.version if shown else None,
            notes=decoded.notes,
        )

    def _shown_to(self, decoded: Decoded, prediction: int | None) -> Shown | None:
        """The prediction that the person began with; None for none, and for one that is gone.

        It is looked up only where no region of it is left, or where it had none.
        """
        if prediction is None:
            return None
        if told := Shown.of(decoded.regions):
            return told
        if prediction not in self._shown:
            self._shown[prediction] = self._look_up(prediction)
        return self._shown[prediction]

    def _look_up(self, prediction: int) -> Shown | None:
        try:
            found = self._api.get(f"api/predictions/{prediction}/")
        except Refused as exc:
            if exc.status == 404:  # cleaned up meanwhile
                return None
            raise
        return Shown(version=str(found["model_version"]), regions=len(found["result"]))


def _answer_id(given: Mapping[str, Any], task: int, key: str | None) -> AnswerId:
    return AnswerId(annotation=str(given["id"]), task=str(task), image_key=key or "")


def _corrected(decoded: Decoded, prediction: int | None, shown: Shown | None) -> bool | None:
    """Whether a person changed what the model showed; None when it showed nothing."""
    if prediction is None:
        return None
    if any(origin != "prediction" for origin in decoded.regions.values()):
        return True
    return None if shown is None else shown.regions != len(decoded.regions)


def _flagged(answer: Annotation | Skip, made_at: str | None) -> Annotation | Skip:
    """With a note where the work began before its task was made: Label Studio on SQLite gives
    the number of a deleted task out again, and a page that was open takes the new one for it."""
    if isinstance(answer, Skip) or made_at is None:
        return answer
    begun = answer.created_at - timedelta(seconds=answer.lead_time_s or 0.0)
    if begun + BEFORE >= _moment(made_at):
        return answer
    words = (
        "begun before its task was made: perhaps drawn on another image, whose deleted task had "
        "the same number; look at this mask"
    )
    return replace(answer, notes=(*answer.notes, words))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _to_ranges(ids: Iterable[int]) -> str:
    """{1, 2, 3, 7} -> "1-3,7"."""
    runs: list[list[int]] = []
    for number in sorted(ids):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{low}-{high}" if high > low else str(low) for low, high in runs)


def _from_ranges(text: str) -> Iterable[int]:
    for run in filter(None, text.split(",")):
        low, _, high = run.partition("-")
        yield from range(int(low), int(high or low) + 1)
