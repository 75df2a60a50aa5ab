"""What a person should know: quarantined inputs and events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from daemon.domain import Fault
from daemon.store.base import Row, StoreBase, stamp


class RecordVerbs(StoreBase):
    """Verbs on the quarantine and the events."""

    def quarantine(self, faults: Iterable[Fault], at: datetime) -> None:
        """Keep what could not be used, each place once, with its newest reason."""
        with self.atomic():
            for fault in faults:
                row = {
                    "place": fault.where,
                    "got": fault.got,
                    "expected": fault.expected,
                    "cure": fault.cure,
                    "at": stamp(at),
                }
                self._insert("quarantine", row, clash="REPLACE")

    def release(self, places: Iterable[str]) -> None:
        """Forget the faults of places that are well now."""
        with self.atomic():
            for place in places:
                self._write("DELETE FROM quarantine WHERE place = ?", place)

    def quarantined(self) -> list[Row]:
        """All faults, newest first."""
        return self._rows("SELECT * FROM quarantine ORDER BY at DESC, place")

    def note(self, level: str, words: str, at: datetime) -> None:
        """Keep an event ("info", "warning" or "error") for the page and `status`."""
        self._insert("events", {"at": stamp(at), "level": level, "words": words})

    def events(self, limit: int = 50) -> list[Row]:
        """The newest events, newest first."""
        return self._rows("SELECT at, level, words FROM events ORDER BY id DESC LIMIT ?", limit)
