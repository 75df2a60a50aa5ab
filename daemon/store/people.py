"""The people who label: their names, and the drafts of open tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from daemon.domain import Draft
from daemon.store.base import StoreBase, stamp, utf_8


class PeopleQueries(StoreBase):
    """Queries on the people who label."""

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

    def drafts(self) -> list[Draft]:
        """The drafts of open tasks: who has begun them, oldest first."""
        rows = self._rows("SELECT task, annotator, since FROM drafts ORDER BY since, task")
        return [
            Draft(
                task=row["task"],
                annotator=row["annotator"],
                since=datetime.fromisoformat(row["since"]),
            )
            for row in rows
        ]

    def keep_drafts(self, drafts: Sequence[Draft]) -> None:
        """Keep the drafts of all open tasks in the place of those of before."""
        with self.atomic():
            self._write("DELETE FROM drafts")
            for one in drafts:
                row = {"task": one.task, "annotator": one.annotator, "since": stamp(one.since)}
                self._insert("drafts", row, clash="REPLACE")
