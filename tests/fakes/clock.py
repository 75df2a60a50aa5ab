"""A clock that nobody waits for, shared by the processes that are forked after it is made."""

from __future__ import annotations

import mmap
import struct
from datetime import UTC, datetime, timedelta

_START = datetime(2026, 1, 1, tzinfo=UTC)


class SharedClock:
    """Stands still until somebody sleeps on it."""

    def __init__(self) -> None:
        self._cell = mmap.mmap(-1, 8)

    def now(self) -> datetime:
        return _START + timedelta(seconds=self._seconds())

    def sleep(self, seconds: float) -> None:
        struct.pack_into("d", self._cell, 0, self._seconds() + seconds)

    def _seconds(self) -> float:
        return float(struct.unpack_from("d", self._cell, 0)[0])
