"""A file that was renamed: the tasks that we made for it show the address that it had."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection

from daemon.domain import TaskState
from daemon.stages.context import Context
from daemon.stages.push import VERSION
from daemon.store import Intent, Question

log = logging.getLogger(__name__)


def ask_where_it_is(context: Context, image_ids: Collection[int]) -> None:
    """Open questions about these images are asked by tasks of their own, at the new address; the
    old ones rest. Each is written down before it is sent, and sent by the rest of the tick."""
    store, now = context.store, context.now()
    version = store.fact(VERSION)
    rows = [row for row in store.tasks(TaskState.OPEN) if row["image_id"] in image_ids]
    if not rows or version is None:
        return
    context.connector.retire([row["task"] for row in rows])
    behind = store.position_behind()
    with store.atomic():
        for place, row in enumerate(rows):
            question = Question(
                image_id=row["image_id"],
                position=behind + place,
                arm=row["arm"],
                reason=row["reason"],
                anew=True,
            )
            key = str(uuid.uuid4())
            intent = Intent(key=key, cycle=row["cycle"], version=version, questions=(question,))
            store.set_task_state([row["task"]], TaskState.UNUSABLE, now)
            store.intend(intent, now)
    log.info("asked at their new address images=%d", len(rows))
