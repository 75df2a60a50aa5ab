"""Renamed files: replaces open tasks that show the old address of an image."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection

from daemon.domain import Push, QueuedTask, TaskState
from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION

log = logging.getLogger(__name__)


def ask_at_new_address(context: Context, image_ids: Collection[int]) -> None:
    """Retire the open tasks of these images, and enqueue new tasks that show the new address.

    The pushes are sent later in this tick.
    """
    store, now = context.store, context.now()
    version = store.fact(VISIBLE_VERSION)
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
