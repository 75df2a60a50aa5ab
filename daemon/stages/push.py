"""PUSH: ask people for the batch, exactly once, in order, with the newest predictions.

The outbox: a chunk is stored before it is sent, under a key that the labeling tool stores with its
tasks. After a crash or a lost response the connector looks the key up before it sends again. Then
one `rerank` gives every open task its position and its prediction under a new version name.
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

VISIBLE_VERSION = "version"  # name of the stored fact: version of the visible predictions
_NEWEST_ATTEMPT = "version_attempted"  # fact: newest version of any rerank


def push(context: Context, cycle: int) -> bool:
    """Ask for this cycle's picks and order all open tasks. Calling it twice asks once."""
    require_space(context)
    store = context.store
    # A run may have excluded images after they were picked, because it could not read them.
    unavailable = store.queried_ids() | store.excluded().keys()
    new = [pick for pick in store.picks(cycle) if pick.image_id not in unavailable]
    if new:
        enqueue(context, cycle, new, new_version(context, cycle))
    deliver(context)
    rerank(context, cycle)
    return True


def deliver(context: Context) -> None:
    """Send each push of the outbox that is not confirmed yet."""
    store = context.store
    pending = store.pending_pushes()
    if not pending:
        return
    images = store.images_of(task.image_id for push in pending for task in push.tasks)
    existing_tasks = store.image_tasks()
    cycles = {_cycle_of(push.version) for push in pending}
    masks = {cycle: predictions(context, cycle) for cycle in cycles}
    for push in pending:
        push_masks = masks[_cycle_of(push.version)]
        requests = [
            _task_request(task, push.cycle, images, push_masks, existing_tasks)
            for task in push.tasks
        ]
        tasks = context.connector.push(requests, push.key, push.version)
        store.record_push(push, tasks, context.now())
        log.debug("pushed cycle=%d images=%d key=%s", push.cycle, len(requests), push.key)


def rerank(context: Context, cycle: int) -> None:
    """Give all open tasks their positions and predictions, in one step, under an unused version."""
    store = context.store
    by_position = store.tasks(TaskState.OPEN)
    tasks = serving_order(by_position, batch_image_ids(store, by_position))
    if not tasks:
        return
    version = _version_of(context, cycle)
    positions = [task.position for task in tasks]
    if not _positions_are_valid(store, version, tasks):
        positions = list(range(len(tasks)))
        version = new_version(context, cycle)
    store.keep_fact(_NEWEST_ATTEMPT, _newest(version, store.fact(_NEWEST_ATTEMPT)))
    images, masks = store.images_of(task.image_id for task in tasks), predictions(context, cycle)
    requests = [
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
    context.connector.rerank(version, requests)
    with store.atomic():
        store.set_positions({str(request.task): request.position for request in requests})
        store.keep_fact(VISIBLE_VERSION, version)
        store.activate_prediction_set(version, context.now())
    log.debug("order set cycle=%d version=%s tasks=%d", cycle, version, len(requests))


def restore_order(context: Context) -> None:
    """Order all open tasks if one of them was closed and is open again, for example because its
    annotation was deleted: such a task has lost its position and perhaps its mask."""
    version = context.store.fact(VISIBLE_VERSION)
    if version and any(task.closed_at for task in context.store.tasks(TaskState.OPEN)):
        rerank(context, _cycle_of(version))


def keep_serving_order(context: Context) -> None:
    """Order all open tasks if their positions are not in the serving order any more."""
    store, version = context.store, context.store.fact(VISIBLE_VERSION)
    by_position = store.tasks(TaskState.OPEN)
    if version and serving_order(by_position, batch_image_ids(store, by_position)) != by_position:
        rerank(context, _cycle_of(version))


def enqueue(context: Context, cycle: int, picks: Sequence[Pick], version: str) -> None:
    """Store these images in the outbox, in chunks, to be asked for after all open tasks."""
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

    The project may hold predictions that this store does not know, since the store was restored
    from a backup or replaces a lost one. They may have the same cycle and attempt, but not the same
    nonce.
    """
    store = context.store
    with store.atomic():
        attempt, nonce = store.next_attempt(cycle), uuid.uuid4().hex[:8]
        version = str(PredictionVersion(cycle=cycle, attempt=attempt, nonce=nonce))
        store.add_prediction_set(version, context.now())
    return version


def batch_image_ids(store: Store, tasks: Sequence[Task]) -> set[int]:
    """Ids of the images of the batches that these tasks belong to, without the reserves."""
    cycles = {task.cycle for task in tasks}
    return {pick.image_id for cycle in cycles for pick in store.picks(cycle)}


def serving_order(tasks: Sequence[Task], batches: Collection[int]) -> list[Task]:
    """Open tasks in the order in which annotators should get them: validation, what a person wants
    first, older batches, the newest batch, then images of the reserves.

    batches: ids of the images of all batches, see `batch_image_ids`.
    """

    def key(task: Task) -> tuple[bool, bool, bool, int, int]:
        is_wanted = task.put_first or task.is_asked_by_person
        kind = not task.is_validation, not is_wanted, task.image_id not in batches
        return *kind, task.cycle, task.position

    return sorted(tasks, key=key)


def _version_of(context: Context, cycle: int) -> str:
    """The version of this cycle's pushes; a new one if a rerank used that or a newer one before."""
    pushed, attempted = context.store.pushed_version(cycle), context.store.fact(_NEWEST_ATTEMPT)
    if pushed is None or (attempted is not None and _number(pushed) <= _number(attempted)):
        return new_version(context, cycle)
    return pushed


def _number(version: str) -> tuple[int, int]:
    """(cycle, attempt) of the name of a version."""
    return PredictionVersion.parse(version).number


def _newest(version: str, other: str | None) -> str:
    return version if other is None else max(version, other, key=_number)


def _positions_are_valid(store: Store, version: str, tasks: Sequence[Task]) -> bool:
    """Whether these tasks can keep their positions: they increase, and each task that was pushed
    with this version has the position of that push."""
    pushed = store.pushed_positions(version)
    increasing = all(before.position < after.position for before, after in pairwise(tasks))
    return increasing and all(
        pushed.get(task.image_id, task.position) == task.position for task in tasks
    )


def _cycle_of(version: str) -> int:
    """The cycle whose masks a version shows: not always the cycle that asked for the image."""
    return PredictionVersion.parse(version).cycle


def _chunks(tasks: Sequence[QueuedTask], size: int) -> Iterable[Sequence[QueuedTask]]:
    return (tasks[start : start + size] for start in range(0, len(tasks), size))


def _task_request(
    task: QueuedTask,
    cycle: int,
    images: Mapping[int, Image],
    masks: Mapping[int, KeptPrediction],
    existing_tasks: Mapping[int, str],
) -> TaskRequest:
    return TaskRequest(
        image=images[task.image_id],
        position=task.position,
        cycle=cycle,
        reason=task.words,
        prediction=masks.get(task.image_id),
        task=existing_tasks.get(task.image_id),
        needs_new_task=task.needs_new_task,
    )
