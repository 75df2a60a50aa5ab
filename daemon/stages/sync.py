"""SYNC, in every tick: reads new images and the answers of annotators, and closes tasks.

Images are read by image_intake.py.
"""

from __future__ import annotations

import logging
import shutil
from datetime import datetime

from daemon.domain import Annotation, AnswerId, Changes, Fault, Skip, Task, TaskState
from daemon.domain.errors import ConnectorRefused
from daemon.intake import DeferredFailures, Intake
from daemon.runs.run_folder import RunFolder
from daemon.stages.context import Context
from daemon.stages.corrections import correction_or_note, measure_missing
from daemon.stages.image_intake import CURSOR, sync_images
from daemon.stages.people import sync_people
from daemon.stages.reask import reask, withdraw
from daemon.stages.replaced_images import flag_unconfirmed_labels
from daemon.stages.unaccepted_masks import record_unaccepted_masks
from daemon.stages.unread_images import scan_unlisted_images, without_unread_images

log = logging.getLogger(__name__)

_CLASSES_READ_WITH = "annotations_read_with"  # the fact: the classes that answers were read with
_STATE_FOLDER = "state_folder"
_EXPECTED = "an answer that the store can hold"
_CURE = "open it in the labeling tool and submit it again, or delete it"


def sync(context: Context, failures: DeferredFailures) -> None:
    """Read images, then answers; close tasks; ask again where an answer cannot be used.

    failures: collects the errors of the parts, so that one does not stop the others.
    """
    with failures.defer("looking for runs of a state folder that was moved"):
        delete_moved_runs(context)
    with failures.defer("taking in images"):
        sync_images(context)
    with failures.defer("taking in answers"):
        context.store.set_label_policy(context.config.loop.label_in_effect)
        sync_answers(context)
    with failures.defer("measuring how much was corrected"):
        measure_missing(context)
    with failures.defer("flagging labels of replaced images"):
        flag_unconfirmed_labels(context)
    with failures.defer("closing tasks"):
        close_tasks(context)
    with failures.defer("asking again for what cannot be used"):
        reask(context)
    with failures.defer("reading who has begun what"):
        sync_people(context)


def delete_moved_runs(context: Context) -> None:
    """Delete unfinished runs if the state folder was moved, since their paths are gone.

    Their stages request them again.
    """
    present, saved = str(context.config.state.absolute()), context.store.fact(_STATE_FOLDER)
    if saved == present:
        return
    for folder in (context.config.state / "runs").glob("*") if saved else ():
        if not RunFolder(folder).finished():
            shutil.rmtree(folder, ignore_errors=True)
            log.warning("run deleted run=%s: the state folder was moved", folder.name)
    context.store.keep_fact(_STATE_FOLDER, present)


def sync_answers(context: Context) -> None:
    """Save annotations, skips and deletions since the cursor, page by page.

    A page and its cursor are one commit. An answer that the store cannot hold becomes a fault. All
    answers are read again if the classes of config.toml or the meaning of undrawn pixels changed.
    """
    store, classes = context.store, repr(context.config.class_set)
    images = store.image_sizes()
    sizes = {key: (height_px, width_px) for key, (_, height_px, width_px) in images.items()}
    ids = {key: image_id for key, (image_id, _, _) in images.items()}
    cursor = store.fact(CURSOR) if store.fact(_CLASSES_READ_WITH) == classes else None
    open_tasks = [task.id for task in store.tasks(TaskState.OPEN)]
    more = True
    while more:
        changes = context.connector.changes(cursor or None, sizes, open_tasks)
        if changes.has_more and changes.cursor == cursor:
            raise ConnectorRefused(
                "the labeling tool has more changes but returns the same page twice; see its log"
            )
        if scan_unlisted_images(context, changes, ids):
            sync_answers(context)
            return
        changes = without_unread_images(context, changes, ids)
        with store.atomic():
            _save_changes(context, changes, ids)
            store.keep_fact(CURSOR, changes.cursor)
            store.keep_fact(_CLASSES_READ_WITH, classes)
        cursor, more = changes.cursor, changes.has_more


def close_tasks(context: Context) -> None:
    """Close open tasks whose image is labeled, skipped by enough people, or too old."""
    store, now = context.store, context.now()
    labeled, skips = store.labeled_ids(), store.skip_counts()
    withdraw(context)
    excluded = store.excluded()
    for task in store.tasks(TaskState.OPEN, TaskState.LABELED):
        state = _new_state(context, task, task.image_id in labeled, skips, now)
        if state is TaskState.OPEN and task.image_id in excluded:
            state = TaskState.EXPIRED  # its answer would neither train nor measure
        if state is not task.state:
            store.set_task_state([task.id], state, now)
            if state in (TaskState.SKIPPED, TaskState.EXPIRED):
                context.connector.retire([task.id])


def _save_changes(context: Context, changes: Changes, ids: dict[str, int]) -> None:
    store, now, intake = context.store, context.now(), Intake()
    for task, key in changes.image_keys.items():
        store.reassign_task(task, ids.get(key), now)
    answers: list[Annotation | Skip] = [*changes.annotations, *changes.skips]
    for answer in answers:
        answer_id = AnswerId(annotation=answer.id, task=answer.task, image_key=answer.image_key)
        if answer.image_key not in ids:
            intake.add(_unknown_image_fault(answer_id))
            continue
        guard = intake.guard(answer_id.where, expected=_EXPECTED, cure=_CURE, answer=answer_id)
        with guard, store.atomic():
            _save_answer(context, ids[answer.image_key], answer)
            store.release([answer_id.where])
    store.delete_annotations(changes.deletions)
    store.delete_absent_annotations(changes.annotation_ids)
    if changes.is_full_read:
        store.delete_task_faults()
    store.delete_absent_faults({**changes.annotation_ids, **dict.fromkeys(changes.lost_tasks, ())})
    store.set_task_state(changes.lost_tasks, TaskState.DELETED, now)
    store.quarantine([*changes.faults, *intake.faults()], now)
    record_unaccepted_masks(context, changes, ids)


def _save_answer(context: Context, image_id: int, answer: Annotation | Skip) -> None:
    if isinstance(answer, Skip):
        context.store.keep_skip(image_id, answer)
    else:
        context.store.keep_annotation(image_id, *correction_or_note(context, image_id, answer))


def _unknown_image_fault(answer: AnswerId) -> Fault:
    return Fault(
        where=answer.where,
        got=f"an answer about {answer.image_key!r}",
        expected="an image that the daemon knows",
        cure="it stays in the labeling tool and is read when the image can be read",
        answer=answer,
    )


def _new_state(
    context: Context, task: Task, labeled: bool, skips: dict[int, int], now: datetime
) -> TaskState:
    limits = context.config.loop
    if labeled:
        return TaskState.LABELED
    if skips.get(task.image_id, 0) >= limits.max_skips:
        return TaskState.SKIPPED
    if limits.too_old(now - task.asked_at):
        return TaskState.EXPIRED
    return TaskState.OPEN
