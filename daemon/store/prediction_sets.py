"""The sets of predictions that we made in the labeling tool, each under a version name."""

from __future__ import annotations

from datetime import datetime

from daemon.domain import PredictionSet
from daemon.store.base import StoreBase, parse_time, stamp


class PredictionSetQueries(StoreBase):
    """Queries on sets of predictions."""

    def add_prediction_set(self, version: str, at: datetime) -> None:
        """Keep a version before it is sent to the labeling tool. Twice changes nothing."""
        row = {"version": version, "made_at": stamp(at)}
        self._insert("versions", row, clash="IGNORE")

    def activate_prediction_set(self, version: str, at: datetime) -> None:
        """Mark all other versions as replaced, since annotators see this one from now on."""
        self._write(
            "UPDATE versions SET left_at = ? WHERE version != ? AND left_at IS NULL",
            stamp(at),
            version,
        )

    def replaced_prediction_sets(self, before: datetime) -> list[PredictionSet]:
        """The sets that were replaced before this time and that the labeling tool may still hold,
        oldest first."""
        rows = self._rows(
            "SELECT version, made_at, left_at FROM versions "
            "WHERE left_at < ? AND forgotten_at IS NULL ORDER BY left_at, version",
            stamp(before),
        )
        return [
            PredictionSet(
                version=row["version"],
                made_at=datetime.fromisoformat(row["made_at"]),
                replaced_at=parse_time(row["left_at"]),
            )
            for row in rows
        ]

    def delete_prediction_set(self, version: str, at: datetime) -> None:
        """Mark a version as deleted in the labeling tool."""
        self._write("UPDATE versions SET forgotten_at = ? WHERE version = ?", stamp(at), version)
