"""Settings of the labeling tool that the loop needs, restored where somebody changed them."""

from __future__ import annotations

import logging
from datetime import timedelta

from daemon.domain import TaskState
from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION
from daemon.stages.reviews import review_tasks
from daemon.stages.second_labels import second_label_tasks
from daemon.stages.waiting_time import usual_pause_min

log = logging.getLogger(__name__)

_REPAIR_LOG_INTERVAL = timedelta(hours=1)  # the same repair is logged once in this time


def repair_tool_settings(context: Context) -> None:
    """Restore settings of the labeling tool that the loop needs, and log each repair.

    The same repair is logged at most once an hour, since a person or a program may keep undoing it.
    """
    store = context.store
    if store.last_cycle() is None:
        return
    tasks = [task.id for task in store.tasks(TaskState.OPEN)]
    tasks += [*review_tasks(context), *second_label_tasks(context)]
    version = store.fact(VISIBLE_VERSION)
    for repair in context.connector.repair(version, tasks, usual_pause_min(context)):
        message, now = f"restored a setting of the labeling tool: {repair}", context.now()
        if not store.has_event(message, now - _REPAIR_LOG_INTERVAL):
            log.warning("%s", message)
            store.add_event("warning", message, now)
