"""What people did: changed tasks since a cursor, their annotations decoded.

The cursor is JSON: when we looked, by the server's clock, and the ids of all tasks as ranges, so
that a task which disappears is noticed without a memory of our own. A change becomes visible
some tenths of a second after its time (measured), and a busy server may take longer, so the two
minutes before the last look are read again, and everything where its clock was set back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.cursor import Cursor, Portion, portion
from connectors.label_studio.image_source import KEY_FIELD, ProjectSource, Source
from connectors.label_studio.label_config import Wiring
from connectors.label_studio.provenance import Provenance, ShownPrediction
from connectors.label_studio.task_fields import UNKNOWN_TIME, Fields, mark_of, moment_of, number_of
from connectors.masks.regions import Decoded, decode
from connectors.refusals import RegionRefused, Unreadable, kind
from daemon.domain import Annotation, AnswerId, Changes, ClassSet, Fault, Skip
from daemon.domain.faults import printable
from daemon.intake import Intake

BEFORE = timedelta(seconds=30)  # an answer may seem this much older than its task
AHEAD = timedelta(days=1)  # that a server without a clock of its own may be believed to be

Sizes = Mapping[str, tuple[int, int]]  # image key -> (height_px, width_px)


class Puller:
    """Reads changes of one project."""

    def __init__(
        self, api: Api, project: int, classes: ClassSet, now: Callable[[], datetime]
    ) -> None:
        self._api, self._project, self._classes, self._now = api, project, classes, now
        self._begun = Provenance(api, project)

    def changes(
        self, cursor: Cursor, sizes: Sizes, source: Source, wiring: Wiring, task_number: int
    ) -> Changes:
        """What changed since `cursor`, as much as memory bears; task_number: how many tasks the
        project holds now. Raises IntakeBroken."""
        told, ours, intake = self._api.server_time, self._now(), Intake()
        cursor = cursor.checked(told, ours)
        read = portion(self._api, self._project, cursor.start, sizes, intake)
        if cursor.halt is not None:
            looked_at, ours = cursor.looked_at, cursor.ours or ours
        else:
            seen_at = max(filter(None, [cursor.looked_at, read.latest]))
            looked_at = told or min(seen_at, max(cursor.looked_at, ours + AHEAD))
        known, lost = cursor.tasks | read.data.keys(), frozenset[int]()
        if read.halt is None:
            known, lost = self._follow(cursor.tasks, read.data.keys(), task_number)
        keys = {
            number: _key(number, data, source, wiring, intake) for number, data in read.data.items()
        }
        answers, seen = self._answers(read, keys, sizes, wiring, intake)
        whole = cursor.whole or ours
        at = Cursor(looked_at=looked_at, ours=ours, whole=whole, tasks=known, halt=read.halt)
        return Changes(
            cursor=str(at),
            more=read.halt is not None,
            anew=cursor.halt is None and cursor.looked_at == UNKNOWN_TIME,
            annotations=tuple(one for one in answers if isinstance(one, Annotation)),
            skips=tuple(one for one in answers if isinstance(one, Skip)),
            lost_tasks=tuple(str(task) for task in sorted(lost)),
            faults=intake.faults(),
            shows={str(task): key or "" for task, key in keys.items() if read.data[task]},
            seen=seen,
        )

    def _answers(
        self,
        read: Portion,
        keys: Mapping[int, str | None],
        sizes: Sizes,
        wiring: Wiring,
        intake: Intake,
    ) -> tuple[list[Annotation | Skip], dict[str, tuple[str, ...]]]:
        """The answers that can be used, and the ids of all that each task has."""
        seen: dict[str, tuple[str, ...]] = dict.fromkeys(map(str, read.data), ())
        self._begun.learn(read.whole)
        answers: list[Annotation | Skip] = []
        taken: set[str] = set()
        for task in read.whole:
            number, listed = task["id"], task.get("annotations")
            if not isinstance(listed, list):
                intake.add(_unlisted(number, listed))
                seen.pop(str(number), None)  # nobody knows what it has: nothing is deleted
                continue
            ids = []
            for given in listed:
                answer = _answer_id(given, number, keys.get(number), taken)
                ids.append(answer.annotation)
                with intake.guard(
                    answer.place,
                    expected="an annotation as Label Studio writes it",
                    cure="open it in Label Studio and submit it again, or delete it",
                    answer=answer,
                ):
                    answers.append(self._read(given, answer, task, sizes, wiring))
            seen[str(number)] = tuple(ids)
        return answers, seen

    def _follow(
        self, known: frozenset[int], changed: Collection[int], task_number: int
    ) -> tuple[frozenset[int], frozenset[int]]:
        """All task ids now, and those that are gone; a listing only when the count is off."""
        if len(all_known := known.union(changed)) == task_number:
            return all_known, frozenset()
        now = frozenset(task["id"] for task in tasks.find(self._api, self._project, [], []))
        return now, known - now

    def _read(
        self, given: object, answer: AnswerId, task: tasks.Task, sizes: Sizes, wiring: Wiring
    ) -> Annotation | Skip:
        key, where = answer.image_key, answer.place
        if key not in sizes:
            got = f"the image {key!r}" if key else "a task that shows no image of ours"
            expected = "an image that the daemon knows and can read"
            cure = "see whether that image is in quarantine"
            raise RegionRefused(Fault(where=where, got=got, expected=expected, cure=cure))
        if not isinstance(given, dict):
            raise Unreadable(kind(given), "an object", "delete it in Label Studio").at(where)
        if answer.annotation != str(given.get("id")):
            got = f"id: {kind(given.get('id'))}"
            raise Unreadable(got, "a number of its own", "submit it anew").at(where)
        fields = Fields(given)
        try:
            is_skip = fields.is_skip()
        except Unreadable as exc:
            raise exc.at(where) from exc
        names: dict[str, Any] = {"id": answer.annotation, "task": answer.task, "image_key": key}
        (created, updated), annotator = fields.times(), fields.annotator()
        if is_skip:
            return Skip(**names, annotator=annotator, at=updated)
        decoded = decode(given.get("result"), self._classes, wiring.control, sizes[key], where)
        prediction = fields.prediction()
        shown = self._begun.of(decoded.regions, prediction)
        found = Annotation(
            **names,
            mask=decoded.mask,
            annotator=annotator,
            updated_at=updated,
            created_at=created,
            lead_time_s=fields.lead_time_s(),
            ground_truth=fields.ground_truth(),
            corrected=_corrected(decoded, prediction, shown),
            shown=printable(shown.version) if shown else None,
            shown_empty=shown is not None and shown.regions == 0,
        )
        notes = (*decoded.notes, *fields.notes, *_too_early(found, task.get("created_at")))
        return replace(found, notes=notes)


def _key(
    task: int, data: Mapping[str, Any], source: Source, wiring: Wiring, intake: Intake
) -> str | None:
    """The image that a task shows. None for none of ours, and in a project whose tasks are the
    images that is a fault."""
    field, place, key = wiring.image_field, tasks.place_of(task), None
    expected = f"the address of an image under {field!r}"
    cure = f"correct {field!r} in the task's data, or delete the task in Label Studio"
    with intake.guard(place, expected=expected, cure=cure, task=str(task)):
        try:
            key = source.key_of(data, field)
        except ValueError as exc:  # an address that none can be, such as "http://[x"
            raise Unreadable(f"{kind(data.get(field))}: {exc}", expected, cure).at(place) from exc
        if key is None and data and isinstance(source, ProjectSource) and KEY_FIELD not in data:
            got = kind(data[field]) if field in data else f"no {field!r}"
            raise RegionRefused(
                Fault(where=place, got=got, expected=expected, cure=cure, task=str(task))
            )
    return key


def _unlisted(task: int, listed: object) -> Fault:
    return Fault(
        where=tasks.place_of(task),
        got=f"annotations: {kind(listed)}",
        expected="a list of them",
        cure="open the task in Label Studio and submit it again",
        task=str(task),
    )


def _answer_id(given: object, task: int, key: str | None, taken: set[str]) -> AnswerId:
    """Its number; a mark where it has none of its own. taken: all so far, to which it is added."""
    number = number_of(given.get("id")) if isinstance(given, dict) else None
    name = str(number) if number is not None and str(number) not in taken else mark_of(given)
    taken.add(name)
    return AnswerId(annotation=name, task=str(task), image_key=key or "")


def _corrected(
    decoded: Decoded, prediction: int | None, shown: ShownPrediction | None
) -> bool | None:
    """Whether a person changed what the model showed; None when it showed nothing."""
    if prediction is None and shown is None:
        return None
    if any(origin != "prediction" for origin in decoded.regions.values()):
        return True
    return None if shown is None else shown.regions != len(decoded.regions)


def _too_early(answer: Annotation, made_at: object) -> tuple[str, ...]:
    """A note where the work began before its task was made: Label Studio on SQLite gives the
    number of a deleted task out again, and a page that was open takes the new one for it."""
    made = moment_of(made_at)
    if made is None or answer.created_at == UNKNOWN_TIME:
        return ()
    begun = answer.created_at - timedelta(seconds=answer.lead_time_s or 0.0)
    if begun + BEFORE >= made:
        return ()
    return (
        "begun before its task was made: perhaps drawn on another image, whose deleted task had "
        "the same number; look at this mask",
    )
