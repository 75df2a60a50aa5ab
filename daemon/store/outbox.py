"""The outbox: each push is written down before it is sent, so that no image is asked twice.

The key of a push is written into its tasks in the labeling tool. After a crash or a lost answer the
connector looks for that key before it sends the push again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from daemon.domain import Push, QueuedTask, RefusedAnswer, TaskState
from daemon.store.base import Row, stamp
from daemon.store.tasks import TaskQueries


class OutboxQueries(TaskQueries):
    """Queries on pushes, and the tasks that they make."""

    def enqueue_push(self, push: Push, at: datetime) -> None:
        """Keep a push before it is sent."""
        row = {
            "key": push.key,
            "cycle": push.cycle,
            "version": push.version,
            "payload": json.dumps([asdict(task) for task in push.tasks]),
            "state": "pending",
            "created_at": stamp(at),
        }
        self._insert("outbox", row)

    def pending_pushes(self) -> list[Push]:
        """The pushes whose outcome is not known yet, oldest first."""
        rows = self._rows("SELECT * FROM outbox WHERE state = 'pending' ORDER BY rowid")
        return [_push(row) for row in rows]

    def pushed_version(self, cycle: int) -> str | None:
        """The prediction version of the newest push of a cycle; None before any."""
        sql = "SELECT version FROM outbox WHERE cycle = ? ORDER BY rowid DESC LIMIT 1"
        rows = self._rows(sql, cycle)
        return str(rows[0]["version"]) if rows else None

    def pushed_positions(self, version: str) -> dict[int, int]:
        """Image id -> the position that the pushes of this version gave it."""
        rows = self._rows("SELECT * FROM outbox WHERE version = ? ORDER BY rowid", version)
        tasks = [task for row in rows for task in _push(row).tasks]
        return {task.image_id: task.position for task in tasks}

    def record_push(self, push: Push, tasks: Mapping[int, str], at: datetime) -> None:
        """Record a push that happened: image id -> task. Twice changes nothing.

        An image without a task could not be asked for: its task was deleted meanwhile.
        """
        with self.atomic():
            for new in push.tasks:
                self._add_task(push, new, tasks.get(new.image_id), at)
            self._write(
                "UPDATE outbox SET state = 'done', done_at = ? WHERE key = ?", stamp(at), push.key
            )

    def queried_ids(self) -> set[int]:
        """Ids of the images that annotators were ever asked for, or are about to be; those that
        were taken back without an answer are left out."""
        sql = "SELECT image_id FROM tasks WHERE state != ?"
        queried = {row["image_id"] for row in self._rows(sql, TaskState.RETIRED.value)}
        return queried | self.pending_ids()

    def pending_ids(self) -> set[int]:
        """Ids of the images of pushes whose outcome is not known yet."""
        return {task.image_id for push in self.pending_pushes() for task in push.tasks}

    def _add_task(self, push: Push, new: QueuedTask, task: str | None, at: datetime) -> None:
        row = {
            "task": task or f"none#{new.image_id}",
            "image_id": new.image_id,
            "cycle": push.cycle,
            "arm": new.arm,
            "reason": new.reason,
            "position": new.position,
            "state": (TaskState.OPEN if task else TaskState.DELETED).value,
            "asked_at": stamp(at),
            "refused_got": new.refused and new.refused.got,
            "refused_expected": new.refused and new.refused.expected,
        }
        if task:
            self.reassign_task(task, new.image_id, at)
            self._delete_retired(task)
        self._insert("tasks", row, clash="IGNORE")

    def _delete_retired(self, task: str) -> None:
        """Delete the row of a retired task, which is asked once more."""
        sql = "DELETE FROM tasks WHERE task = ? AND state = ?"
        self._write(sql, task, TaskState.RETIRED.value)


def _push(row: Row) -> Push:
    tasks = tuple(map(_queued_task, json.loads(row["payload"])))
    return Push(key=row["key"], cycle=row["cycle"], version=row["version"], tasks=tasks)


def _queued_task(kept: dict[str, Any]) -> QueuedTask:
    refused = kept["refused"]
    return QueuedTask(**kept | {"refused": refused and RefusedAnswer(**refused)})
