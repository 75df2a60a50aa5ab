"""What was asked of the annotators: tasks, and the outbox that keeps pushes exactly once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.domain import TaskState
from daemon.store.base import Row, StoreBase, stamp


@dataclass(frozen=True, kw_only=True)
class Question:
    """One image on its way to the annotators, as the outbox keeps it. anew: Ask.needs_new_task."""

    image_id: int
    position: int
    arm: str
    reason: str
    anew: bool = False


@dataclass(frozen=True, kw_only=True)
class Intent:
    """A chunk that is to be pushed, or was: `key` names it in the labeling tool for ever."""

    key: str
    cycle: int
    version: str
    questions: tuple[Question, ...]


class AskVerbs(StoreBase):
    """Verbs on tasks and the outbox."""

    def intend(self, intent: Intent, at: datetime) -> None:
        """Write down a push before it is sent."""
        row = {
            "key": intent.key,
            "cycle": intent.cycle,
            "version": intent.version,
            "payload": json.dumps([vars(question) for question in intent.questions]),
            "state": "pending",
            "created_at": stamp(at),
        }
        self._insert("outbox", row)

    def pending_intents(self) -> list[Intent]:
        """Pushes whose outcome is not known yet, oldest first."""
        rows = self._rows("SELECT * FROM outbox WHERE state = 'pending' ORDER BY rowid")
        return [_intent(row) for row in rows]

    def pushed_version(self, cycle: int) -> str | None:
        """The version that the newest push of a cycle carries, None before any."""
        sql = "SELECT version FROM outbox WHERE cycle = ? ORDER BY rowid DESC LIMIT 1"
        rows = self._rows(sql, cycle)
        return str(rows[0]["version"]) if rows else None

    def pushed_positions(self, version: str) -> dict[int, int]:
        """Image id -> the position that a push of this version gave it."""
        rows = self._rows("SELECT * FROM outbox WHERE version = ? ORDER BY rowid", version)
        questions = [question for row in rows for question in _intent(row).questions]
        return {question.image_id: question.position for question in questions}

    def settle(self, intent: Intent, tasks: Mapping[int, str], at: datetime) -> None:
        """Record a push that happened: image id -> task. Twice changes nothing.

        An image without a task could not be asked: its task was deleted meanwhile.
        """
        with self.atomic():
            for question in intent.questions:
                task = tasks.get(question.image_id)
                row = {
                    "task": task or f"none#{question.image_id}",
                    "image_id": question.image_id,
                    "cycle": intent.cycle,
                    "arm": question.arm,
                    "reason": question.reason,
                    "position": question.position,
                    "state": (TaskState.OPEN if task else TaskState.DELETED).value,
                    "asked_at": stamp(at),
                }
                if task:
                    self.reassign(task, question.image_id, at)
                    self._forget_retired(task)
                self._insert("tasks", row, clash="IGNORE")
            self._write(
                "UPDATE outbox SET state = 'done', done_at = ? WHERE key = ?", stamp(at), intent.key
            )

    def tasks(self, *states: TaskState) -> list[Row]:
        """Tasks in these states (all without any), in order of position."""
        marks = ", ".join("?" * len(states)) or "state"
        sql = f"SELECT * FROM tasks WHERE state IN ({marks}) ORDER BY position, task"
        return self._rows(sql, *(state.value for state in states))

    def position_behind(self) -> int:
        """The position behind all open tasks."""
        return max((row["position"] for row in self.tasks(TaskState.OPEN)), default=-1) + 1

    def tasks_of_cycle(self, cycle: int) -> list[Row]:
        """The images that a cycle asked, each with its newest task that was not withdrawn, in
        order of position."""
        return self._rows(
            "SELECT * FROM tasks WHERE rowid IN (SELECT max(rowid) FROM tasks "
            "WHERE cycle = ? AND state != ? GROUP BY image_id) ORDER BY position, task",
            cycle,
            TaskState.WITHDRAWN.value,
        )

    def asked_ids(self) -> set[int]:
        """Ids of the images that were ever asked, and of those on their way; not of those that
        were taken back unanswered."""
        sql = "SELECT image_id FROM tasks WHERE state != ?"
        asked = {row["image_id"] for row in self._rows(sql, TaskState.RETIRED.value)}
        for intent in self.pending_intents():
            asked |= {question.image_id for question in intent.questions}
        return asked

    def set_task_state(self, tasks: Sequence[str], state: TaskState, at: datetime) -> None:
        """Move tasks to a state; `closed_at` is kept from the first time they closed."""
        closed = None if state is TaskState.OPEN else stamp(at)
        with self.atomic():
            for task in tasks:
                self._write(
                    "UPDATE tasks SET state = ?, closed_at = coalesce(closed_at, ?) WHERE task = ?",
                    state.value,
                    closed,
                    task,
                )

    def set_positions(self, positions: Mapping[str, int]) -> None:
        """task -> position over all open tasks; one that was closed before is no more."""
        sql = "UPDATE tasks SET position = ?, closed_at = NULL WHERE task = ?"
        with self.atomic():
            for task, position in positions.items():
                self._write(sql, position, task)

    def move_question(self, image_id: int, task: str, new: str, at: datetime) -> None:
        """The question that was the task `task` is the task `new` now; where it was open, or is
        thought to be deleted, it is open, and is to get its place and its mask again."""
        with self.atomic():
            self.reassign(new, image_id, at)
            rows = self._rows(
                "SELECT task FROM tasks WHERE image_id = ? AND (task = ? OR task LIKE ?) "
                "AND NOT EXISTS (SELECT 1 FROM tasks WHERE task = ?) ORDER BY rowid DESC LIMIT 1",
                image_id,
                task,
                f"{task}#%",
                new,
            )
            for row in rows:
                lost = f"state IN ('{TaskState.OPEN}', '{TaskState.DELETED}')"
                self._write(
                    f"UPDATE tasks SET task = ?, closed_at = iif({lost}, ?, closed_at), "
                    f"state = iif({lost}, '{TaskState.OPEN}', state) WHERE task = ?",
                    new,
                    stamp(at),
                    row["task"],
                )

    def reopen_question(self, image_id: int, at: datetime) -> None:
        """The newest question about an image that expired is open again; it is to get its place
        and its mask again."""
        self._write(
            "UPDATE tasks SET state = ?, closed_at = ? WHERE state = ? AND rowid = "
            "(SELECT max(rowid) FROM tasks WHERE image_id = ?)",
            TaskState.OPEN.value,
            stamp(at),
            TaskState.EXPIRED.value,
            image_id,
        )

    def task_images(self) -> dict[str, int]:
        """Task -> the image that it asks about, of all tasks that were ever asked."""
        rows = self._rows("SELECT task, image_id FROM tasks")
        return {row["task"]: row["image_id"] for row in rows}

    def reassign(self, task: str, image_id: int | None, at: datetime) -> None:
        """The number `task` means this image now, None: one that is not known.

        Servers on SQLite give the number of a deleted task out again. What is known of another
        image under that number keeps it with a mark; its question was deleted, its labels stay.
        """
        others = "WHERE task = ? AND image_id IS NOT ?"
        with self.atomic():
            self._write(
                "UPDATE tasks SET task = task || '#' || rowid, state = ?, "
                f"closed_at = coalesce(closed_at, ?) {others}",
                TaskState.DELETED.value,
                stamp(at),
                task,
                image_id,
            )
            for table in ("annotations", "skips"):
                sql = f"UPDATE {table} SET task = task || '#' || image_id {others}"
                self._write(sql, task, image_id)

    def _forget_retired(self, task: str) -> None:
        """A task that was taken back is asked once more: its old row goes."""
        sql = "DELETE FROM tasks WHERE task = ? AND state = ?"
        self._write(sql, task, TaskState.RETIRED.value)


def _intent(row: Row) -> Intent:
    questions = tuple(Question(**question) for question in json.loads(row["payload"]))
    return Intent(key=row["key"], cycle=row["cycle"], version=row["version"], questions=questions)
