"""The people who label: their names, and which open tasks they have begun."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from daemon.domain import BegunTask
from daemon.store.base import StoreBase, stamp, utf_8


class PeopleQueries(StoreBase):
    """Queries on the people who label."""

    def annotators(self) -> set[str]:
        """All who gave an answer that is still there, or skipped an image."""
        rows = self._rows(
            "SELECT annotator FROM annotations UNION SELECT annotator FROM skips "
            "UNION SELECT annotator FROM begun_tasks"
        )
        return {row["annotator"] for row in rows}

    def people(self) -> dict[str, str]:
        """Annotator -> name, as the labeling tool said it last."""
        rows = self._rows("SELECT annotator, name FROM people ORDER BY annotator")
        return {row["annotator"]: row["name"] for row in rows}

    def keep_people(self, names: Mapping[str, str]) -> None:
        """Keep the names of these annotators; others stay as they are."""
        with self.atomic():
            for annotator, name in names.items():
                row = {"annotator": utf_8(annotator), "name": utf_8(name)}
                self._insert("people", row, clash="REPLACE")

    def begun_tasks(self) -> list[BegunTask]:
        """The open tasks that somebody has begun and not submitted, oldest first."""
        rows = self._rows("SELECT task, annotator, since FROM begun_tasks ORDER BY since, task")
        return [
            BegunTask(
                task=row["task"],
                annotator=row["annotator"],
                since=datetime.fromisoformat(row["since"]),
            )
            for row in rows
        ]

    def keep_begun_tasks(self, begun: list[BegunTask]) -> None:
        """Keep which tasks are begun; they replace those of before. Twice changes nothing."""
        with self.atomic():
            self._write("DELETE FROM begun_tasks")
            for one in begun:
                row = {"task": one.task, "annotator": one.annotator, "since": stamp(one.since)}
                self._insert("begun_tasks", row, clash="REPLACE")
