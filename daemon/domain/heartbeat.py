"""The heartbeat of a daemon in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The last sign of life of a daemon.

    began_at: beginning of its newest tick. looked_at: end of its last whole tick, None before the
    first. next_at: when the next tick was due. ended_at: when it stopped on request, None where
    it did not.
    """

    pid: int
    started_at: datetime
    began_at: datetime
    looked_at: datetime | None
    next_at: datetime
    ended_at: datetime | None = None

    @property
    def last_at(self) -> datetime:
        """The newest time at which the daemon was running."""
        return max(filter(None, (self.began_at, self.looked_at, self.ended_at)))
