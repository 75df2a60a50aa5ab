"""PUSH: ask people for the batch, exactly once, in order, with the newest predictions.

The outbox: a chunk is written down before it is sent, under a key that the labeling tool keeps
with its tasks; after any crash or lost answer the connector looks for the key before it sends.
Then one `rerank` gives every open task its position and its prediction under a fresh version name.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from daemon.domain import (
    Image,
    KeptPrediction,
    Pick,
    PredictionVersion,
    Push,
    QueuedTask,
    Task,
    TaskRequest,
    TaskState,
)
from daemon.stages.context import Context
from daemon.stages.predict import predictions
from daemon.stages.retention import require_space
from daemon.store import Store

log = logging.getLogger(__name__)

VERSION = "version"  # the fact: of the predictions that are shown
_ATTEMPTED = "version_attempted"  # the fact: the newest version that a rerank was tried with


def push(context: Context, cycle: int) -> bool:
    """Ask for this cycle's picks and put all open tasks in order. Twice asks once."""
    require_space(context)
    store = context.store
    # Images may be excluded since they were picked: a run could not use them.
    out = store.queried_ids() | store.excluded().keys()
    new = [pick for pick in store.picks(cycle) if pick.image_id not in out]
    if new:
        enqueue(context, cycle, new, new_version(context, cycle))
    deliver(context)
    rerank(context, cycle)
    return True


def deliver(context: Context) -> None:
    """Send each push of the outbox whose outcome is not known."""
    store = context.store
    pending = store.pending_pushes()
    if not pending:
        return
    images = store.images_of(new.image_id for push in pending for new in push.tasks)
    known = store.image_tasks()
    cycles = {_cycle_of(push.version) for push in pending}
    masks = {cycle: predictions(context, cycle) for cycle in cycles}
    for push in pending:
        shown = masks[_cycle_of(push.version)]
        asks = [_request(new, push.cycle, images, shown, known) for new in push.tasks]
        tasks = context.connector.push(asks, push.key, push.version)
        store.record_push(push, tasks, context.now())
        log.debug("pushed cycle=%d images=%d key=%s", push.cycle, len(asks), push.key)


def rerank(context: Context, cycle: int) -> None:
    """Give all open tasks their positions and predictions, at once, under a version that was never
    used before."""
    store = context.store
    by_position = store.tasks(TaskState.OPEN)
    tasks = serving_order(by_position, batch_image_ids(store, by_position))
    if not tasks:
        return
    version = _version_of(context, cycle)
    positions = [task.position for task in tasks]
    if not _may_keep_positions(store, version, tasks):
        positions = list(range(len(tasks)))
        version = new_version(context, cycle)
    store.keep_fact(_ATTEMPTED, _newer(version, store.fact(_ATTEMPTED)))
    images, masks = store.images_of(task.image_id for task in tasks), predictions(context, cycle)
    asks = [
        TaskRequest(
            image=images[task.image_id],
            position=position,
            cycle=task.cycle,
            reason=task.words,
            prediction=masks.get(task.image_id),
            task=task.id,
        )
        for position, task in zip(positions, tasks, strict=True)
    ]
    context.connector.rerank(version, asks)
    with store.atomic():
        store.set_positions({str(ask.task): ask.position for ask in asks})
        store.keep_fact(VERSION, version)
        store.activate_prediction_set(version, context.now())
    log.debug("order set cycle=%d version=%s tasks=%d", cycle, version, len(asks))


def keep_order(context: Context) -> None:
    """Put all open tasks in order where one of them was closed and is open again, as after a
    deleted answer: it has lost its position and perhaps its mask."""
    version = context.store.fact(VERSION)
    if version and any(task.closed_at for task in context.store.tasks(TaskState.OPEN)):
        rerank(context, _cycle_of(version))


def enqueue(context: Context, cycle: int, picks: Sequence[Pick], version: str) -> None:
    """Write down, in chunks, that these images are to be asked for, behind all open tasks."""
    unusable = context.store.unusable_ids()
    tasks = [
        QueuedTask(
            image_id=pick.image_id,
            position=position,
            arm=pick.arm,
            reason=f"cycle {cycle}, {pick.reason}",
            needs_new_task=pick.image_id in unusable,
        )
        for position, pick in enumerate(picks, start=context.store.next_position())
    ]
    with context.store.atomic():
        for chunk in _chunks(tasks, context.config.loop.push_chunk):
            key = str(uuid.uuid4())
            push = Push(key=key, cycle=cycle, version=version, tasks=tuple(chunk))
            context.store.enqueue_push(push, context.now())


def new_version(context: Context, cycle: int) -> str:
    """A version name that was never used.

    A project may hold predictions that this store knows nothing of, made by one that was lost or
    since the backup that it was restored from; they may have this cycle and
    attempt, but not this nonce.
    """
    store = context.store
    with store.atomic():
        attempt, nonce = store.next_attempt(cycle), uuid.uuid4().hex[:8]
        version = str(PredictionVersion(cycle=cycle, attempt=attempt, nonce=nonce))
        store.add_prediction_set(version, context.now())
    return version


def batch_image_ids(store: Store, tasks: Sequence[Task]) -> set[int]:
    """The images of the batches that these tasks come from, without their reserves."""
    cycles = {task.cycle for task in tasks}
    return {pick.image_id for cycle in cycles for pick in store.picks(cycle)}


def serving_order(tasks: Sequence[Task], batches: Collection[int]) -> list[Task]:
    """Open tasks in the order in which they should be served: validation, older batches, the
    newest batch, and then images from the reserve of any batch.

    batches: the images of all batches, see `batch_image_ids`.
    """

    def key(task: Task) -> tuple[bool, bool, int, int]:
        return not task.measures, task.image_id not in batches, task.cycle, task.position

    return sorted(tasks, key=key)


def _version_of(context: Context, cycle: int) -> str:
    """The version that this cycle's pushes carry, unless a rerank was tried with it or with a
    newer one already."""
    pushed, tried = context.store.pushed_version(cycle), context.store.fact(_ATTEMPTED)
    if pushed is None or (tried is not None and _number(pushed) <= _number(tried)):
        return new_version(context, cycle)
    return pushed


def _number(version: str) -> tuple[int, int]:
    """(cycle, attempt) of a version that we made."""
    return PredictionVersion.parse(version).number


def _newer(version: str, other: str | None) -> str:
    return version if other is None else max(version, other, key=_number)


def _may_keep_positions(store: Store, version: str, tasks: Sequence[Task]) -> bool:
    """Whether these tasks may keep their positions: they rise, and each task that was pushed with
    this version has the position of that push."""
    pushed = store.pushed_positions(version)
    rising = all(before.position < after.position for before, after in pairwise(tasks))
    return rising and all(
        pushed.get(task.image_id, task.position) == task.position for task in tasks
    )


def _cycle_of(version: str) -> int:
    """The cycle whose masks a version shows. An image that is asked for while the next masks are
    made is shown with the last ones."""
    return PredictionVersion.parse(version).cycle


def _chunks(tasks: Sequence[QueuedTask], size: int) -> Iterable[Sequence[QueuedTask]]:
    return (tasks[start : start + size] for start in range(0, len(tasks), size))


def _request(
    new: QueuedTask,
    cycle: int,
    images: Mapping[int, Image],
    masks: Mapping[int, KeptPrediction],
    tasks: Mapping[int, str],
) -> TaskRequest:
    return TaskRequest(
        image=images[new.image_id],
        position=new.position,
        cycle=cycle,
        reason=new.words,
        prediction=masks.get(new.image_id),
        task=tasks.get(new.image_id),
        needs_new_task=new.needs_new_task,
    )
