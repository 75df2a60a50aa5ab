"""What people did: changed tasks since a cursor, their annotations decoded.

A change becomes visible some tenths of a second after its time (measured), and a busy server may
take longer, so the two minutes before the last reading are read again, and everything where the
server's clock was set back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.changed_tasks import ChangedTasks, read_changed_tasks
from connectors.label_studio.cursor import Cursor
from connectors.label_studio.image_source import KEY_FIELD, ProjectSource, Source
from connectors.label_studio.label_config import LabelConfig
from connectors.label_studio.provenance import SourcePrediction, SourcePredictions
from connectors.label_studio.submitted_clicks import submitted_clicks
from connectors.label_studio.task_fields import (
    UNKNOWN_TIME,
    AnnotationFields,
    content_digest,
    parse_id,
    parse_time,
)
from connectors.masks.regions import DecodedMask, decode
from connectors.unreadable import AnnotationRefused, UnreadableValue, typed
from daemon.domain import Annotation, AnswerId, Changes, ClassSet, Fault, Skip
from daemon.domain.faults import printable
from daemon.intake import Intake

CLOCK_TOLERANCE = timedelta(seconds=30)  # an annotation may seem this much older than its task
MAX_CLOCK_AHEAD = timedelta(days=1)  # of a change's time, on a server that sends no Date

Sizes = Mapping[str, tuple[int, int]]  # image key -> (height_px, width_px)


class Puller:
    """Reads changes of one project."""

    def __init__(
        self, api: Api, project: int, classes: ClassSet, now: Callable[[], datetime]
    ) -> None:
        self._api, self._project, self._classes, self._now = api, project, classes, now
        self._sources = SourcePredictions(api, project)

    def changes(
        self,
        cursor: Cursor,
        sizes: Sizes,
        source: Source,
        label_config: LabelConfig,
        task_number: int,
    ) -> Changes:
        """The next page of changes since `cursor`. task_number: how many tasks the project holds
        now. Raises IntakeBroken."""
        server_now, local_now, intake = self._api.server_time, self._now(), Intake()
        cursor = cursor.checked(server_now, local_now)
        page = read_changed_tasks(self._api, self._project, cursor.start, sizes, intake)
        known, lost = cursor.tasks | page.data.keys(), frozenset[int]()
        if page.resume is None:
            known, lost = self._present_and_lost(cursor.tasks, page.data.keys(), task_number)
        keys = {
            number: _key(number, data, source, label_config, intake)
            for number, data in page.data.items()
        }
        answers, annotation_ids = self._answers(page, keys, sizes, label_config, intake)
        following = replace(
            _next_cursor(cursor, page, server_now, local_now), tasks=known, resume=page.resume
        )
        return Changes(
            cursor=str(following),
            has_more=page.resume is not None,
            is_full_read=cursor.resume is None and cursor.server_time == UNKNOWN_TIME,
            annotations=tuple(one for one in answers if isinstance(one, Annotation)),
            skips=tuple(one for one in answers if isinstance(one, Skip)),
            lost_tasks=tuple(str(task) for task in sorted(lost)),
            faults=intake.faults(),
            image_keys={str(task): key or "" for task, key in keys.items() if page.data[task]},
            annotation_ids=annotation_ids,
            clicks=tuple(submitted_clicks(page.full, keys)),
        )

    def _answers(
        self,
        page: ChangedTasks,
        keys: Mapping[int, str | None],
        sizes: Sizes,
        label_config: LabelConfig,
        intake: Intake,
    ) -> tuple[list[Annotation | Skip], dict[str, tuple[str, ...]]]:
        """The annotations and skips that can be used, and the ids of all that each task has."""
        annotation_ids: dict[str, tuple[str, ...]] = dict.fromkeys(map(str, page.data), ())
        self._sources.prefetch(page.full)
        answers: list[Annotation | Skip] = []
        taken: set[str] = set()
        for task in page.full:
            number, listed = task["id"], task.get("annotations")
            if not isinstance(listed, list):
                intake.add(_no_list_of_annotations(number, listed))
                annotation_ids.pop(str(number), None)  # unknown: nothing is deleted
                continue
            ids = []
            for given in listed:
                answer = _answer_id(given, number, keys.get(number), taken)
                ids.append(answer.annotation)
                with intake.guard(
                    answer.where,
                    expected="an annotation as Label Studio writes it",
                    cure="open it in Label Studio and submit it again, or delete it",
                    answer=answer,
                ):
                    answers.append(self._read(given, answer, task, sizes, label_config))
            annotation_ids[str(number)] = tuple(ids)
        return answers, annotation_ids

    def _present_and_lost(
        self, known: frozenset[int], changed: Collection[int], task_number: int
    ) -> tuple[frozenset[int], frozenset[int]]:
        """The ids of all tasks now, and those of deleted ones; tasks are listed only where their
        number differs."""
        if len(union := known.union(changed)) == task_number:
            return union, frozenset()
        present = frozenset(task["id"] for task in tasks.find(self._api, self._project, [], []))
        return present, known - present

    def _read(
        self,
        given: object,
        answer: AnswerId,
        task: tasks.Task,
        sizes: Sizes,
        label_config: LabelConfig,
    ) -> Annotation | Skip:
        key, where = answer.image_key, answer.where
        _require_known_image(answer, sizes)
        annotation = _with_own_id(given, answer)
        fields = AnnotationFields(annotation)
        try:
            is_skip = fields.is_skip()
        except UnreadableValue as exc:
            raise exc.at(where) from exc
        names: dict[str, Any] = {"id": answer.annotation, "task": answer.task, "image_key": key}
        (created, updated), annotator = fields.times(), fields.annotator()
        if is_skip:
            return Skip(**names, annotator=annotator, at=updated)
        control = label_config.control
        decoded = decode(annotation.get("result"), self._classes, control, sizes[key], where)
        prediction = fields.prediction()
        source = self._sources.find(decoded.regions, prediction)
        found = Annotation(
            **names,
            mask=decoded.mask,
            annotator=annotator,
            updated_at=updated,
            created_at=created,
            lead_time_s=fields.lead_time_s(),
            ground_truth=fields.ground_truth(),
            corrected=_is_corrected(decoded, prediction, source),
            prediction_version=printable(source.version) if source else None,
            shown_empty=source is not None and source.regions == 0,
            overlap_px=decoded.overlap_px,
        )
        notes = (*decoded.notes, *fields.notes, *_notes_on_age(found, task.get("created_at")))
        return replace(found, notes=notes)


def _next_cursor(
    cursor: Cursor, page: ChangedTasks, server_now: datetime | None, local_now: datetime
) -> Cursor:
    """The cursor behind this page, with its times only: those of the first page of a reading."""
    full_read_at = cursor.full_read_at or local_now
    if cursor.resume is not None:
        local_time = cursor.local_time or local_now
        return replace(cursor, local_time=local_time, full_read_at=full_read_at)
    latest = max(filter(None, [cursor.server_time, page.latest]))
    bounded = min(latest, max(cursor.server_time, local_now + MAX_CLOCK_AHEAD))
    return Cursor(
        server_time=server_now or bounded, local_time=local_now, full_read_at=full_read_at
    )


def _key(
    task: int, data: Mapping[str, Any], source: Source, label_config: LabelConfig, intake: Intake
) -> str | None:
    """The key of the image that a task shows; None for an image of somebody else, which is a fault
    in a project whose tasks are the images."""
    field, where, key = label_config.image_field, tasks.task_label(task), None
    expected = f"the address of an image under {field!r}"
    cure = f"correct {field!r} in the task's data, or delete the task in Label Studio"
    with intake.guard(where, expected=expected, cure=cure, task=str(task)):
        try:
            key = source.key_of(data, field)
        except ValueError as exc:  # an address that none can be, such as "http://[x"
            raise UnreadableValue(f"{typed(data.get(field))}: {exc}", expected, cure).at(
                where
            ) from exc
        if key is None and data and isinstance(source, ProjectSource) and KEY_FIELD not in data:
            got = typed(data[field]) if field in data else f"no {field!r}"
            raise AnnotationRefused(
                Fault(where=where, got=got, expected=expected, cure=cure, task=str(task))
            )
    return key


def _require_known_image(answer: AnswerId, sizes: Sizes) -> None:
    """Raises AnnotationRefused where the daemon does not know the image of an annotation."""
    key = answer.image_key
    if key not in sizes:
        got = f"the image {key!r}" if key else "a task that shows no image of this project"
        expected = "an image that the daemon knows and can read"
        cure = "see whether that image is in quarantine"
        raise AnnotationRefused(Fault(where=answer.where, got=got, expected=expected, cure=cure))


def _with_own_id(given: object, answer: AnswerId) -> Mapping[str, Any]:
    """The annotation, where it is an object with an id of its own. Raises AnnotationRefused."""
    where = answer.where
    if not isinstance(given, dict):
        raise UnreadableValue(typed(given), "an object", "delete it in Label Studio").at(where)
    if answer.annotation != str(given.get("id")):
        got = f"id: {typed(given.get('id'))}"
        raise UnreadableValue(got, "a number of its own", "submit it again").at(where)
    return given


def _no_list_of_annotations(task: int, listed: object) -> Fault:
    return Fault(
        where=tasks.task_label(task),
        got=f"annotations: {typed(listed)}",
        expected="a list of them",
        cure="open the task in Label Studio and submit it again",
        task=str(task),
    )


def _answer_id(given: object, task: int, key: str | None, taken: set[str]) -> AnswerId:
    """The id of an annotation: its number, or a digest of its content where it has no number or
    shares it. taken: the ids so far, to which this one is added."""
    number = parse_id(given.get("id")) if isinstance(given, dict) else None
    name = str(number) if number is not None and str(number) not in taken else content_digest(given)
    taken.add(name)
    return AnswerId(annotation=name, task=str(task), image_key=key or "")


def _is_corrected(
    decoded: DecodedMask, prediction: int | None, source: SourcePrediction | None
) -> bool | None:
    """Whether a person changed the shown prediction; None when none was shown."""
    if prediction is None and source is None:
        return None
    if any(origin != "prediction" for origin in decoded.regions.values()):
        return True
    return None if source is None else source.regions != len(decoded.regions)


def _notes_on_age(annotation: Annotation, task_created_at: object) -> tuple[str, ...]:
    """A note where the annotation was started before its task was created: Label Studio on SQLite
    reuses the number of a deleted task, and a page that is still open submits to the new one."""
    task_created = parse_time(task_created_at)
    if task_created is None or annotation.created_at == UNKNOWN_TIME:
        return ()
    started = annotation.created_at - timedelta(seconds=annotation.lead_time_s or 0.0)
    if started + CLOCK_TOLERANCE >= task_created:
        return ()
    return (
        "started before its task was created: perhaps drawn on another image, whose deleted task "
        "had the same number; look at this mask",
    )
