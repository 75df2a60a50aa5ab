"""Tasks: the images that annotators were asked for, and their states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from daemon.domain import RefusedAnswer, Task, TaskState
from daemon.store.base import Row, StoreBase, parse_time, stamp


class TaskQueries(StoreBase):
    """Queries on tasks."""

    def tasks(self, *states: TaskState) -> list[Task]:
        """Tasks in these states (all without any), in order of position."""
        marks = ", ".join("?" * len(states)) or "state"
        sql = f"SELECT * FROM tasks WHERE state IN ({marks}) ORDER BY position, task"
        return [_task(row) for row in self._rows(sql, *(state.value for state in states))]

    def next_position(self) -> int:
        """The position behind all open tasks; 0 without any."""
        sql = "SELECT coalesce(max(position) + 1, 0) AS next FROM tasks WHERE state = ?"
        return int(self._rows(sql, TaskState.OPEN.value)[0]["next"])

    def tasks_of_cycle(self, cycle: int) -> list[Task]:
        """The newest task of each image that a cycle asked for, in order of position; those that
        were withdrawn are left out."""
        rows = self._rows(
            "SELECT * FROM tasks WHERE rowid IN (SELECT max(rowid) FROM tasks "
            "WHERE cycle = ? AND state != ? GROUP BY image_id) ORDER BY position, task",
            cycle,
            TaskState.WITHDRAWN.value,
        )
        return [_task(row) for row in rows]

    def tasks_of_image(self, image_id: int) -> list[Task]:
        """The tasks of an image, oldest first."""
        sql = "SELECT * FROM tasks WHERE image_id = ? ORDER BY rowid"
        return [_task(row) for row in self._rows(sql, image_id)]

    def asked_cycles(self) -> dict[int, int]:
        """Cycle -> how many images it asked for, of the cycles that asked for any, by cycle."""
        rows = self._rows(
            "SELECT cycle, count(DISTINCT image_id) AS n FROM tasks WHERE state != ? "
            "GROUP BY cycle ORDER BY cycle",
            TaskState.WITHDRAWN.value,
        )
        return {row["cycle"]: row["n"] for row in rows}

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

    def put_first(self, tasks: Sequence[str]) -> None:
        """Keep that a person wants these tasks answered before the others."""
        with self.atomic():
            for task in tasks:
                self._write("UPDATE tasks SET put_first = 1 WHERE task = ?", task)

    def set_positions(self, positions: Mapping[str, int]) -> None:
        """task -> position over all open tasks; a task that was closed before counts as open."""
        sql = "UPDATE tasks SET position = ?, closed_at = NULL WHERE task = ?"
        with self.atomic():
            for task, position in positions.items():
                self._write(sql, position, task)

    def move_task(self, image_id: int, task: str, new: str, at: datetime) -> None:
        """Replace the task of an image by `new`, which shows it now.

        If the old task was open or taken for deleted, the new one is open and needs a position.
        """
        with self.atomic():
            self.reassign_task(new, image_id, at)
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

    def reopen_task(self, image_id: int, at: datetime) -> None:
        """Open the newest task of an image again if it has expired; it then needs a position."""
        self._write(
            "UPDATE tasks SET state = ?, closed_at = ? WHERE state = ? AND rowid = "
            "(SELECT max(rowid) FROM tasks WHERE image_id = ?)",
            TaskState.OPEN.value,
            stamp(at),
            TaskState.EXPIRED.value,
            image_id,
        )

    def task_images(self) -> dict[str, int]:
        """Task -> id of its image, of all tasks ever."""
        rows = self._rows("SELECT task, image_id FROM tasks")
        return {row["task"]: row["image_id"] for row in rows}

    def reassign_task(self, task: str, image_id: int | None, at: datetime) -> None:
        """Keep that the number `task` means this image now; None: an unknown image.

        Servers on SQLite reuse the number of a deleted task. Rows of another image under that
        number get a suffix: its task counts as deleted, its labels stay.
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


def _task(row: Row) -> Task:
    got, expected = row["refused_got"], row["refused_expected"]
    return Task(
        id=row["task"],
        image_id=row["image_id"],
        cycle=row["cycle"],
        arm=row["arm"],
        reason=row["reason"],
        position=row["position"],
        state=TaskState(row["state"]),
        asked_at=datetime.fromisoformat(row["asked_at"]),
        closed_at=parse_time(row["closed_at"]),
        refused=None if got is None else RefusedAnswer(got=got, expected=expected),
        put_first=bool(row["put_first"]),
    )
