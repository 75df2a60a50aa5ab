"""An image whose answer cannot be used is asked again.

The image gets a task of its own, so that the person whose mask was unusable can be handed it too
(Label Studio never hands a task to somebody who answered it), and the reason stands in front of
whoever draws it. The first task is handed out no more; what was drawn in it stays there. When
somebody corrects that first answer after all, it counts, and the second task is withdrawn.
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
from daemon.stages.context import Context
from daemon.stages.push import VERSION, deliver

log = logging.getLogger(__name__)


def ask_again(context: Context) -> None:
    """Ask for the images whose answers cannot be used. Twice asks once."""
    store, most = context.store, context.config.loop.ask_again
    answers = store.unusable_answers()
    if not answers or store.fact(VERSION) is None:
        return
    labeled = store.labeled_ids()
    open_tasks = {task.id: task for task in store.tasks(TaskState.OPEN)}
    refusals = Counter(task.image_id for task in store.tasks(TaskState.UNUSABLE))
    for answer in answers:
        if answer.image_id in labeled:
            store.set_fault_state(answer.where, FaultState.REPLACED)
        elif answer.task in open_tasks:
            task = open_tasks.pop(answer.task)
            decide = _enqueue if refusals[answer.image_id] < most else _give_up
            decide(context, task, answer)
    _settle_older(context, [answer for answer in answers if answer.image_id not in labeled])
    deliver(context)


def withdraw(context: Context) -> None:
    """Take back the second task of an image whose first answer was corrected."""
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
            log.info("withdrawn task=%s: the first answer was mended", task.id)
    store.set_task_state(list(corrected.values()), TaskState.LABELED, now)


def _enqueue(context: Context, task: Task, answer: QuarantinedAnswer) -> None:
    """Write down that the image of this task is to be asked again, in a task of its own."""
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
        key=str(uuid.uuid4()), cycle=task.cycle, version=str(store.fact(VERSION)), tasks=(new,)
    )
    with store.atomic():
        store.set_task_state([task.id], TaskState.UNUSABLE, now)
        store.set_fault_state(answer.where, FaultState.ASKED_AGAIN)
        store.enqueue_push(push, now)
    log.warning("asked again image=%d: %s: %s", task.image_id, answer.where, answer.got)


def _give_up(context: Context, task: Task, answer: QuarantinedAnswer) -> None:
    store, most = context.store, context.config.loop.ask_again
    words = f"{answer.where}: not asked again, answers that could not be used: {most + 1}"
    with store.atomic():
        store.set_task_state([task.id], TaskState.UNUSABLE, context.now())
        store.set_fault_state(answer.where, FaultState.GIVEN_UP)
        store.add_event("warning", words, context.now())
    log.warning("%s", words)


def _settle_older(context: Context, answers: Sequence[QuarantinedAnswer]) -> None:
    """Older unusable answers about an image take the state of its newest one."""
    store = context.store
    waiting = {task.image_id for task in store.tasks(TaskState.OPEN)} | store.pending_ids()
    for answer in answers:
        if answer.image_id in waiting:
            store.set_fault_state(answer.where, FaultState.ASKED_AGAIN)
        elif answer.state is FaultState.ASKED_AGAIN:
            store.set_fault_state(answer.where, FaultState.GIVEN_UP)
