"""The summary of a cycle: whose model serves, how long it took, who gave the labels, and with which
settings it ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from daemon.domain import Stage
from daemon.store.base import StoreBase, stamp


class CycleSummaryQueries(StoreBase):
    """Queries on what the summary line of a cycle is made from."""

    def serving(self, cycle: int) -> int:
        """The cycle whose model scores the pool and predicts the masks of this one: its own, unless
        that was refused."""
        rows = self._rows("SELECT serving FROM cycles WHERE id = ?", cycle)
        kept = rows[0]["serving"] if rows else None
        return cycle if kept is None else int(kept)

    def keep_serving(self, cycle: int, serving: int) -> None:
        """Keep which cycle's model serves in this one. Twice changes nothing."""
        self._write("UPDATE cycles SET serving = ? WHERE id = ?", serving, cycle)

    def refused_cycles(self) -> dict[int, int]:
        """Cycle whose model was refused -> the cycle whose model served in its place."""
        rows = self._rows("SELECT id, serving FROM cycles WHERE serving != id ORDER BY id")
        return {row["id"]: row["serving"] for row in rows}

    def add_stage_time(self, cycle: int, stage: Stage, at: datetime, by: str) -> None:
        """Add to a stage the time since the last call by the same daemon, which works on it.

        by: names the process, so that the time between two daemons counts for nothing.
        """
        where = (cycle, stage.value)
        rows = self._rows(
            "SELECT seconds, seen_at, seen_by FROM stages WHERE cycle = ? AND stage = ?", *where
        )
        for row in rows:
            since = timedelta(0)
            if row["seen_by"] == by and row["seen_at"]:
                since = max(since, at - datetime.fromisoformat(row["seen_at"]))
            self._write(
                "UPDATE stages SET seconds = ?, seen_at = ?, seen_by = ? "
                "WHERE cycle = ? AND stage = ?",
                (row["seconds"] or 0.0) + since.total_seconds(),
                stamp(at),
                by,
                *where,
            )

    def end_stage_time(self, cycle: int, stage: Stage) -> None:
        """Stop adding time to a stage until a daemon works on it again."""
        self._write(
            "UPDATE stages SET seen_at = NULL, seen_by = NULL WHERE cycle = ? AND stage = ?",
            cycle,
            stage.value,
        )

    def cycle_seconds(self, cycle: int) -> float:
        """Seconds that a daemon spent on the stages of a cycle."""
        rows = self._rows("SELECT total(seconds) AS s FROM stages WHERE cycle = ?", cycle)
        return float(rows[0]["s"])

    def keep_labels_by_annotator(self, cycle: int, labels: Mapping[str, int]) -> None:
        """Keep annotator -> how many labels of theirs count when the cycle begins."""
        with self.atomic():
            self._write("DELETE FROM cycle_people WHERE cycle = ?", cycle)
            for annotator, number in labels.items():
                row = {"cycle": cycle, "annotator": annotator, "labels": number}
                self._insert("cycle_people", row)

    def labels_by_annotator(self, cycle: int) -> dict[str, int]:
        """annotator -> how many labels of theirs counted when the cycle began."""
        sql = "SELECT annotator, labels FROM cycle_people WHERE cycle = ? ORDER BY annotator"
        return {row["annotator"]: row["labels"] for row in self._rows(sql, cycle)}

    def labels_at_start(self, cycle: int) -> int:
        """How many images were labeled when the cycle began; 0 for a cycle that never did."""
        rows = self._rows("SELECT labels FROM cycles WHERE id = ?", cycle)
        return int(rows[0]["labels"]) if rows else 0

    def keep_cycle_settings(self, cycle: int, settings: Mapping[str, Any], version: str) -> None:
        """Keep the settings and the version of Maskloop that a cycle began with."""
        self._write(
            "UPDATE cycles SET settings = ?, maskloop = ? WHERE id = ?",
            json.dumps(settings),
            version,
            cycle,
        )
