"""A file that was renamed: the tasks that we made for it show the address that it had."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection

from daemon.domain import Push, QueuedTask, TaskState
from daemon.stages.context import Context
from daemon.stages.push import VERSION

log = logging.getLogger(__name__)


def ask_at_new_address(context: Context, image_ids: Collection[int]) -> None:
    """Images of open tasks get tasks of their own, which show the new address; the old tasks are
    handed out no more. Each push is written down here, and sent later in this tick."""
    store, now = context.store, context.now()
    version = store.fact(VERSION)
    tasks = [task for task in store.tasks(TaskState.OPEN) if task.image_id in image_ids]
    if not tasks or version is None:
        return
    context.connector.retire([task.id for task in tasks])
    first = store.next_position()
    with store.atomic():
        for position, task in enumerate(tasks, start=first):
            new = QueuedTask(
                image_id=task.image_id,
                position=position,
                arm=task.arm,
                reason=task.reason,
                needs_new_task=True,
                refused=task.refused,
            )
            key = str(uuid.uuid4())
            push = Push(key=key, cycle=task.cycle, version=version, tasks=(new,))
            store.set_task_state([task.id], TaskState.UNUSABLE, now)
            store.enqueue_push(push, now)
    log.info("asked at their new address images=%d", len(tasks))
