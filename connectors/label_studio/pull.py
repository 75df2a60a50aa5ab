"""What people did: changed tasks since a cursor, their annotations decoded.

The cursor is JSON: when we looked, by the server's clock, and the ids of all tasks as ranges, so
that a task which disappears is noticed without a memory of our own. A change becomes visible
some tenths of a second after its time (measured), and a busy server may take longer, so the two
minutes before the last look are read again, and everything where its clock was set back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.begun import Begun
from connectors.label_studio.changed import Cursor, portion
from connectors.label_studio.shown import Shown
from connectors.label_studio.sources import Source
from connectors.label_studio.wiring import Wiring
from connectors.refusals import RegionRefused
from connectors.regions import Decoded, decode
from daemon.domain import Annotation, AnswerId, Changes, ClassSet, Fault, Skip

BEFORE = timedelta(seconds=30)  # an answer may seem this much older than its task


class Puller:
    """Reads changes of one project."""

    def __init__(
        self, api: Api, project: int, classes: ClassSet, now: Callable[[], datetime]
    ) -> None:
        self._api, self._project, self._classes, self._now = api, project, classes, now
        self._begun = Begun(api, project)

    def changes(
        self,
        cursor: Cursor,
        sizes: Mapping[str, tuple[int, int]],
        source: Source,
        wiring: Wiring,
        task_number: int,
    ) -> Changes:
        """What changed since `cursor`, as much as memory bears; task_number: how many tasks the
        project holds now."""
        told, ours = self._api.server_time, self._now()
        cursor = cursor.checked(told, ours)
        read = portion(self._api, self._project, cursor.start, sizes)
        if cursor.halt is not None:
            looked_at, ours = cursor.looked_at, cursor.ours or ours
        else:
            looked_at = told or max(filter(None, [cursor.looked_at, read.latest]))
        known, lost = cursor.tasks | read.data.keys(), frozenset[int]()
        if read.halt is None:
            known, lost = self._follow(cursor.tasks, read.data.keys(), task_number)
        answers, faults = self._answers(read.whole, sizes, source, wiring)
        whole = cursor.whole or ours
        at = Cursor(looked_at=looked_at, ours=ours, whole=whole, tasks=known, halt=read.halt)
        return Changes(
            cursor=str(at),
            more=read.halt is not None,
            annotations=tuple(one for one in answers if isinstance(one, Annotation)),
            skips=tuple(one for one in answers if isinstance(one, Skip)),
            lost_tasks=tuple(str(task) for task in sorted(lost)),
            faults=tuple(faults),
            shows={
                str(task): source.key_of(data, wiring.image_field) or ""
                for task, data in read.data.items()
            },
            seen=dict.fromkeys(map(str, read.data), ())
            | {
                str(task["id"]): tuple(str(given["id"]) for given in task["annotations"])
                for task in read.whole
            },
        )

    def _answers(
        self,
        whole: Sequence[tasks.Task],
        sizes: Mapping[str, tuple[int, int]],
        source: Source,
        wiring: Wiring,
    ) -> tuple[list[Annotation | Skip], list[Fault]]:
        self._begun.learn(whole)
        answers: list[Annotation | Skip] = []
        faults: list[Fault] = []
        for task in whole:
            key = source.key_of(task["data"], wiring.image_field)
            for given in task["annotations"]:
                try:
                    answer = self._read(given, task["id"], key, sizes, wiring)
                    answers.append(_flagged(answer, task.get("created_at")))
                except RegionRefused as exc:
                    faults.append(replace(exc.fault, answer=_answer_id(given, task["id"], key)))
        return answers, faults

    def _follow(
        self, known: frozenset[int], changed: Collection[int], task_number: int
    ) -> tuple[frozenset[int], frozenset[int]]:
        """All task ids now, and those that are gone; a listing only when the count is off."""
        if len(all_known := known.union(changed)) == task_number:
            return all_known, frozenset()
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
        shown = self._begun.of(decoded.regions, given["parent_prediction"])
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


def _answer_id(given: Mapping[str, Any], task: int, key: str | None) -> AnswerId:
    return AnswerId(annotation=str(given["id"]), task=str(task), image_key=key or "")


def _corrected(decoded: Decoded, prediction: int | None, shown: Shown | None) -> bool | None:
    """Whether a person changed what the model showed; None when it showed nothing."""
    if prediction is None and shown is None:
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
