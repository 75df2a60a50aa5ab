"""Every tick: take in what people did. Images come in by `image_intake.py`."""

from __future__ import annotations

import logging
import shutil
from datetime import datetime, timedelta

from daemon.domain import Annotation, AnswerId, Changes, Fault, TaskState
from daemon.runs import RunFolder
from daemon.stages.again import ask_again, withdraw
from daemon.stages.context import Context
from daemon.stages.effort import effort_of, measure_missed
from daemon.stages.image_intake import CURSOR, list_images
from daemon.store.base import Row

log = logging.getLogger(__name__)

_READ_WITH = "annotations_read_with"  # the classes that they were read with
_PLACE = "state_folder"


def sync(context: Context) -> None:
    """Images first, then what people did to them, where each task stands, and what is asked
    once more because its answer cannot be used."""
    forget_runs_of_another_place(context)
    context.store.let_count(context.config.loop.label_in_effect)
    list_images(context)
    pull(context)
    measure_missed(context)
    settle_tasks(context)
    ask_again(context)


def forget_runs_of_another_place(context: Context) -> None:
    """After the state folder was moved, a run that is not finished knows paths that are gone:
    it is made again."""
    place, known = str(context.config.state.absolute()), context.store.fact(_PLACE)
    if known == place:
        return
    for folder in (context.config.state / "runs").glob("*") if known else ():
        if not RunFolder(folder).finished():
            shutil.rmtree(folder, ignore_errors=True)
            log.warning("run begun again run=%s: the state folder was moved", folder.name)
    context.store.keep_fact(_PLACE, place)


def pull(context: Context) -> None:
    """Keep annotations, skips and deletions since the cursor, each portion and its cursor in one
    commit.

    Other classes in config.toml, or another meaning of undrawn pixels: all are read again.
    """
    store, classes = context.store, repr(context.config.class_set)
    images = {image.key: image for image in store.images()}
    sizes = {key: (image.height_px, image.width_px) for key, image in images.items()}
    cursor = store.fact(CURSOR) if store.fact(_READ_WITH) == classes else None
    ids = {key: image.id for key, image in images.items()}
    asked = [row["task"] for row in store.tasks(TaskState.OPEN)]
    more = True
    while more:
        changes = context.connector.changes(cursor or None, sizes, asked)
        with store.atomic():
            _keep_changes(context, changes, ids)
            store.keep_fact(CURSOR, changes.cursor)
            store.keep_fact(_READ_WITH, classes)
        cursor, more = changes.cursor, changes.more


def settle_tasks(context: Context) -> None:
    """Open tasks whose image is labeled, skipped by enough people or too old are closed."""
    store, now = context.store, context.now()
    labeled, skips = store.labeled_ids(), store.skip_counts()
    withdraw(context)
    for row in store.tasks(TaskState.OPEN, TaskState.LABELED):
        state = _state_of(context, row, row["image_id"] in labeled, skips, now)
        if state is not TaskState(row["state"]):
            store.set_task_state([row["task"]], state, now)
            if state in (TaskState.SKIPPED, TaskState.EXPIRED):
                context.connector.retire([row["task"]])


def _keep_changes(context: Context, changes: Changes, ids: dict[str, int]) -> None:
    store, now = context.store, context.now()
    for task, key in changes.shows.items():
        store.reassign(task, ids.get(key), now)
    faults = list(changes.faults)
    for annotation in changes.annotations:
        if annotation.image_key not in ids:
            faults.append(_stranger(_answer(annotation)))
            continue
        image_id = ids[annotation.image_key]
        store.keep_annotation(image_id, annotation, effort_of(context, image_id, annotation))
        store.release([_answer(annotation).place])
    for skip in changes.skips:
        if skip.image_key in ids:
            store.keep_skip(ids[skip.image_key], skip)
    store.delete_annotations(changes.deletions)
    store.delete_unseen_annotations(changes.seen)
    store.forget_unseen_faults({**changes.seen, **dict.fromkeys(changes.lost_tasks, ())})
    store.set_task_state(changes.lost_tasks, TaskState.DELETED, now)
    store.quarantine(faults, now)


def _answer(annotation: Annotation) -> AnswerId:
    return AnswerId(annotation=annotation.id, task=annotation.task, image_key=annotation.image_key)


def _stranger(answer: AnswerId) -> Fault:
    return Fault(
        where=answer.place,
        got=f"a mask for {answer.image_key!r}",
        expected="an image that the daemon knows",
        cure="it is kept in the labeling tool and taken up when the image can be read",
        answer=answer,
    )


def _state_of(
    context: Context, row: Row, labeled: bool, skips: dict[int, int], now: datetime
) -> TaskState:
    limits = context.config.loop
    if labeled:
        return TaskState.LABELED
    if skips.get(row["image_id"], 0) >= limits.max_skips:
        return TaskState.SKIPPED
    asked = datetime.fromisoformat(row["asked_at"])
    if now - asked > timedelta(hours=limits.max_wait_hours):
        return TaskState.EXPIRED
    return TaskState.OPEN
