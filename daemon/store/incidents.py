"""Incidents, the heartbeat of the daemon, and times that move when the clock is set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from daemon.domain import Heartbeat, Incident, Reason, Source, TaskState
from daemon.store.base import Row, StoreBase, moment, stamp

# (table, its key, the moment that something waits for, which rows still wait)
_WAITS = (
    ("tasks", "task", "asked_at", f"state = '{TaskState.OPEN}'"),
    ("cycles", "id", "failed_at", "failed_at IS NOT NULL"),
    ("versions", "version", "left_at", "left_at IS NOT NULL AND forgotten_at IS NULL"),
)


class IncidentQueries(StoreBase):
    """Queries on incidents, the heartbeat, and moments that something waits for."""

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
        """The incidents that last, the oldest first."""
        rows = self._rows("SELECT * FROM incidents WHERE ended_at IS NULL ORDER BY since")
        return [_incident(row) for row in rows]

    def beat(self, heartbeat: Heartbeat) -> None:
        """Keep the last sign of life of the daemon."""
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
        """The last sign of life of a daemon; None before the first."""
        rows = self._rows("SELECT * FROM heartbeat")
        return heartbeat_of(rows[0]) if rows else None

    def move_waits(self, by: timedelta, first: datetime, last: datetime) -> int:
        """The clock was set by so much: what waits for a time waits no longer and no shorter for
        it. first, last: moments between them were written by the clock as it was. How many were
        moved, of open tasks, failed stages and old predictions."""
        moved = 0
        with self.atomic():
            for table, key, column, waiting in _WAITS:
                for row in self._rows(f"SELECT {key}, {column} FROM {table} WHERE {waiting}"):
                    at = datetime.fromisoformat(row[column])
                    if first <= at <= last:
                        sql = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"
                        moved += self._write(sql, stamp(at + by), row[key])
        return moved


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
    """A row of the table `heartbeat`. Raises ValueError for times that are none."""
    return Heartbeat(
        pid=row["pid"],
        started_at=datetime.fromisoformat(row["started_at"]),
        began_at=datetime.fromisoformat(row["began_at"]),
        looked_at=moment(row["looked_at"]),
        next_at=datetime.fromisoformat(row["next_at"]),
        ended_at=moment(row["ended_at"]),
    )
