"""Incidents, the heartbeat of the daemon, and waiting times after the clock was set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from daemon.domain import Heartbeat, Incident, Reason, Source, TaskState
from daemon.store.base import Row, StoreBase, parse_time, stamp

# (table, its key, the column with the start of a wait, which rows still wait)
_WAITS = (
    ("tasks", "task", "asked_at", f"state = '{TaskState.OPEN}'"),
    ("cycles", "id", "failed_at", "failed_at IS NOT NULL"),
    ("versions", "version", "left_at", "left_at IS NOT NULL AND forgotten_at IS NULL"),
)


class IncidentQueries(StoreBase):
    """Queries on incidents, the heartbeat, and starts of waiting times."""

    def keep_incidents(self, incidents: Iterable[Incident]) -> None:
        """Keep these incidents, one a source; the newest of a source replaces the others."""
        with self.atomic():
            for incident in incidents:
                reason, ended = incident.reason, incident.ended_at
                row: Row = {
                    "source": reason.source.value,
                    "kind": reason.kind,
                    "words": reason.words,
                    "unexpected": int(reason.unexpected),
                    "since": stamp(incident.since),
                    "last_at": stamp(incident.last_at),
                    "count": incident.count,
                    "returns": incident.returns,
                    "ended_at": None if ended is None else stamp(ended),
                }
                self._insert("incidents", row, clash="REPLACE")

    def open_incidents(self) -> list[Incident]:
        """The incidents that have not ended, oldest first."""
        rows = self._rows("SELECT * FROM incidents WHERE ended_at IS NULL ORDER BY since")
        return [_incident(row) for row in rows]

    def beat(self, heartbeat: Heartbeat) -> None:
        """Keep the heartbeat of the daemon; it replaces the last one."""
        looked, ended = heartbeat.looked_at, heartbeat.ended_at
        row: Row = {
            "one": 1,
            "pid": heartbeat.pid,
            "started_at": stamp(heartbeat.started_at),
            "began_at": stamp(heartbeat.began_at),
            "looked_at": None if looked is None else stamp(looked),
            "next_at": stamp(heartbeat.next_at),
            "ended_at": None if ended is None else stamp(ended),
        }
        self._insert("heartbeat", row, clash="REPLACE")

    def heartbeat(self) -> Heartbeat | None:
        """The last heartbeat; None before the first."""
        rows = self._rows("SELECT * FROM heartbeat")
        return heartbeat_of(rows[0]) if rows else None

    def move_waits(self, by: timedelta, first: datetime, last: datetime) -> int:
        """Shift the starts of waits after the clock was set, so that their lengths stay the same.

        by: how far the clock was set. first, last: times in between were written by the clock as it
        was. Returns how many open tasks, failed stages and old predictions were shifted.
        """
        shifted = 0
        with self.atomic():
            for table, key, column, waiting in _WAITS:
                for row in self._rows(f"SELECT {key}, {column} FROM {table} WHERE {waiting}"):
                    at = datetime.fromisoformat(row[column])
                    if first <= at <= last:
                        sql = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"
                        shifted += self._write(sql, stamp(at + by), row[key])
        return shifted


def _incident(row: Row) -> Incident:
    reason = Reason(
        source=Source(row["source"]),
        kind=row["kind"],
        words=row["words"],
        unexpected=bool(row["unexpected"]),
    )
    return Incident(
        reason=reason,
        since=datetime.fromisoformat(row["since"]),
        last_at=datetime.fromisoformat(row["last_at"]),
        count=row["count"],
        returns=row["returns"],
        ended_at=None,
    )


def heartbeat_of(row: Row) -> Heartbeat:
    """Read a row of the table `heartbeat`. Raises ValueError for a malformed time."""
    return Heartbeat(
        pid=row["pid"],
        started_at=datetime.fromisoformat(row["started_at"]),
        began_at=datetime.fromisoformat(row["began_at"]),
        looked_at=parse_time(row["looked_at"]),
        next_at=datetime.fromisoformat(row["next_at"]),
        ended_at=parse_time(row["ended_at"]),
    )
