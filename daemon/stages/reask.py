"""Ask again for images whose annotation cannot be used.

The image gets a second task, so that the author of the unusable mask can get it too (Label Studio
never hands a task to a person who answered it), and the task shows the reason. The first task is
retired; its annotation stays. If a person corrects that annotation later, it counts, and the
second task is withdrawn.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Sequence

from daemon.domain import (
    FaultState,
    Push,
    QuarantinedAnswer,
    QueuedTask,
    RefusedAnswer,
    Task,
    TaskState,
)
from daemon.domain.formatting import count
from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION, deliver

log = logging.getLogger(__name__)


def reask(context: Context) -> None:
    """Ask again for the images with unusable annotations, `[loop] ask_again` times at most.

    Calling it twice asks once.
    """
    store, limit = context.store, context.config.loop.ask_again
    answers = store.unusable_answers()
    if not answers or store.fact(VISIBLE_VERSION) is None:
        return
    labeled = store.labeled_ids()
    open_tasks = {task.id: task for task in store.tasks(TaskState.OPEN)}
    refusals = Counter(task.image_id for task in store.tasks(TaskState.UNUSABLE))
    for answer in answers:
        if answer.image_id in labeled:
            store.set_fault_state(answer.where, FaultState.REPLACED)
        elif answer.task in open_tasks:
            task = open_tasks.pop(answer.task)
            resolve = _enqueue if refusals[answer.image_id] < limit else _give_up
            resolve(context, task, answer)
    _update_older_answers(context, [answer for answer in answers if answer.image_id not in labeled])
    deliver(context)


def withdraw(context: Context) -> None:
    """Withdraw the second task of an image whose first annotation was corrected."""
    store, now = context.store, context.now()
    unusable = store.tasks(TaskState.UNUSABLE)
    if not unusable:
        return
    label_tasks = store.label_tasks({task.image_id for task in unusable})
    corrected = {
        task.image_id: task.id for task in unusable if label_tasks.get(task.image_id) == task.id
    }
    for task in store.tasks(TaskState.OPEN):
        if task.image_id in corrected:
            context.connector.retire([task.id])
            store.set_task_state([task.id], TaskState.WITHDRAWN, now)
            log.info("withdrawn task=%s: the first annotation was corrected", task.id)
    store.set_task_state(list(corrected.values()), TaskState.LABELED, now)


def _enqueue(context: Context, task: Task, answer: QuarantinedAnswer) -> None:
    """Retire this task and store a second one for its image in the outbox."""
    store, now = context.store, context.now()
    context.connector.retire([task.id])
    new = QueuedTask(
        image_id=task.image_id,
        position=store.next_position(),
        arm=task.arm,
        reason=task.reason,
        needs_new_task=True,
        refused=RefusedAnswer(got=answer.got, expected=answer.expected),
    )
    push = Push(
        key=str(uuid.uuid4()),
        cycle=task.cycle,
        version=str(store.fact(VISIBLE_VERSION)),
        tasks=(new,),
    )
    with store.atomic():
        store.set_task_state([task.id], TaskState.UNUSABLE, now)
        store.set_fault_state(answer.where, FaultState.ASKED_AGAIN)
        store.enqueue_push(push, now)
    log.warning("asked again image=%d: %s: %s", task.image_id, answer.where, answer.got)


def _give_up(context: Context, task: Task, answer: QuarantinedAnswer) -> None:
    """Record that the image of this task is not asked for any more."""
    store, limit = context.store, context.config.loop.ask_again
    unusable = count(limit + 1, "unusable annotation")
    message = f"{answer.where}: its image has {unusable} and is not asked for again"
    with store.atomic():
        store.set_task_state([task.id], TaskState.UNUSABLE, context.now())
        store.set_fault_state(answer.where, FaultState.GIVEN_UP)
        store.add_event("warning", message, context.now())
    log.warning("%s", message)


def _update_older_answers(context: Context, answers: Sequence[QuarantinedAnswer]) -> None:
    """Give older unusable annotations of an image the state of its newest one."""
    store = context.store
    open_ids = {task.image_id for task in store.tasks(TaskState.OPEN)} | store.pending_ids()
    for answer in answers:
        if answer.image_id in open_ids:
            store.set_fault_state(answer.where, FaultState.ASKED_AGAIN)
        elif answer.state is FaultState.ASKED_AGAIN:
            store.set_fault_state(answer.where, FaultState.GIVEN_UP)
