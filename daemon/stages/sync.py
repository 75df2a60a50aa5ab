"""Every tick: take in what people did. Images come in by `image_intake.py`."""

from __future__ import annotations

import logging
import shutil
from datetime import datetime

from daemon.domain import Annotation, AnswerId, Changes, Fault, Skip, TaskState
from daemon.domain.errors import ConnectorRefused
from daemon.intake import DeferredFailures, Intake
from daemon.runs.folder import RunFolder
from daemon.stages.context import Context
from daemon.stages.corrections import measure_missed, measured
from daemon.stages.image_intake import CURSOR, list_images
from daemon.stages.reask import ask_again, withdraw
from daemon.stages.replaced_images import flag_labels
from daemon.stages.unread_images import looked_at_strangers, without_waiting
from daemon.store.base import Row

log = logging.getLogger(__name__)

_READ_WITH = "annotations_read_with"  # the classes that they were read with
_PLACE = "state_folder"
_EXPECTED = "an answer that the store can hold"
_CURE = "open it in the labeling tool and submit it again, or delete it"


def sync(context: Context) -> None:
    """Images first, then what people did to them, where each task stands, and what is asked
    once more because its answer cannot be used. Raises the first failure, after all had a turn."""
    failures = DeferredFailures()
    take_in(context, failures)
    failures.raise_deferred()


def take_in(context: Context, failures: DeferredFailures) -> None:
    """`sync`, whose failures are kept for the end of the tick."""
    with failures.defer("looking for runs of another place"):
        forget_runs_of_another_place(context)
    with failures.defer("taking in images"):
        list_images(context)
    with failures.defer("taking in answers"):
        context.store.let_count(context.config.loop.label_in_effect)
        pull(context)
    with failures.defer("measuring how much was corrected"):
        measure_missed(context)
    with failures.defer("flagging labels of replaced images"):
        flag_labels(context)
    with failures.defer("closing tasks"):
        settle_tasks(context)
    with failures.defer("asking again for what cannot be used"):
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
    commit. An answer that the store cannot hold is a fault of its own.

    Other classes in config.toml, or another meaning of undrawn pixels: all are read again.
    """
    store, classes = context.store, repr(context.config.class_set)
    images = store.image_sizes()
    sizes = {key: (height_px, width_px) for key, (_, height_px, width_px) in images.items()}
    cursor = store.fact(CURSOR) if store.fact(_READ_WITH) == classes else None
    ids = {key: image_id for key, (image_id, _, _) in images.items()}
    asked = [row["task"] for row in store.tasks(TaskState.OPEN)]
    more = True
    while more:
        changes = context.connector.changes(cursor or None, sizes, asked)
        if changes.has_more and changes.cursor == cursor:
            raise ConnectorRefused(
                "the labeling tool has more changes and tells the same ones again; see its log"
            )
        if looked_at_strangers(context, changes, ids):
            pull(context)
            return
        changes = without_waiting(context, changes, ids)
        with store.atomic():
            _keep_changes(context, changes, ids)
            store.keep_fact(CURSOR, changes.cursor)
            store.keep_fact(_READ_WITH, classes)
        cursor, more = changes.cursor, changes.has_more


def settle_tasks(context: Context) -> None:
    """Open tasks whose image is labeled, skipped by enough people or too old are closed."""
    store, now = context.store, context.now()
    labeled, skips = store.labeled_ids(), store.skip_counts()
    withdraw(context)
    left_out = store.excluded()
    for row in store.tasks(TaskState.OPEN, TaskState.LABELED):
        state = _state_of(context, row, row["image_id"] in labeled, skips, now)
        if state is TaskState.OPEN and row["image_id"] in left_out:
            state = TaskState.EXPIRED  # its answer would neither teach nor measure
        if state is not TaskState(row["state"]):
            store.set_task_state([row["task"]], state, now)
            if state in (TaskState.SKIPPED, TaskState.EXPIRED):
                context.connector.retire([row["task"]])


def _keep_changes(context: Context, changes: Changes, ids: dict[str, int]) -> None:
    store, now, intake = context.store, context.now(), Intake()
    for task, key in changes.image_keys.items():
        store.reassign(task, ids.get(key), now)
    answers: list[Annotation | Skip] = [*changes.annotations, *changes.skips]
    for answer in answers:
        name = AnswerId(annotation=answer.id, task=answer.task, image_key=answer.image_key)
        if answer.image_key not in ids:
            intake.add(_stranger(name))
            continue
        with intake.guard(name.place, expected=_EXPECTED, cure=_CURE, answer=name), store.atomic():
            _keep_answer(context, ids[answer.image_key], answer)
            store.release([name.place])
    store.delete_annotations(changes.deletions)
    store.delete_unseen_annotations(changes.annotation_ids)
    if changes.is_full_read:
        store.forget_task_faults()
    store.forget_unseen_faults({**changes.annotation_ids, **dict.fromkeys(changes.lost_tasks, ())})
    store.set_task_state(changes.lost_tasks, TaskState.DELETED, now)
    store.quarantine([*changes.faults, *intake.faults()], now)


def _keep_answer(context: Context, image_id: int, answer: Annotation | Skip) -> None:
    if isinstance(answer, Skip):
        context.store.keep_skip(image_id, answer)
    else:
        context.store.keep_annotation(image_id, *measured(context, image_id, answer))


def _stranger(answer: AnswerId) -> Fault:
    return Fault(
        where=answer.place,
        got=f"an answer about {answer.image_key!r}",
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
    if limits.too_old(now - asked):
        return TaskState.EXPIRED
    return TaskState.OPEN
