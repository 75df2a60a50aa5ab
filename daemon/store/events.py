"""Events: what the daemon did that a person should know."""

from __future__ import annotations

from datetime import datetime

from daemon.domain import Event
from daemon.store.base import StoreBase, stamp, utf_8


class EventQueries(StoreBase):
    """Queries on events."""

    def add_event(self, level: str, message: str, at: datetime) -> None:
        """Keep an event ("info", "warning" or "error") for the page and `status`."""
        self._insert("events", {"at": stamp(at), "level": level, "message": utf_8(message)})

    def events(self, limit: int = 50) -> list[Event]:
        """The newest events, newest first."""
        rows = self._rows("SELECT at, level, message FROM events ORDER BY id DESC LIMIT ?", limit)
        return [
            Event(at=datetime.fromisoformat(row["at"]), level=row["level"], message=row["message"])
            for row in rows
        ]

    def has_event(self, message: str, since: datetime) -> bool:
        """Whether an event with exactly this message was kept since then."""
        sql = "SELECT 1 FROM events WHERE message = ? AND at >= ? LIMIT 1"
        return bool(self._rows(sql, message, stamp(since)))
