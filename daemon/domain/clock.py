"""Stored times and a wall clock that may jump: set by hand, by NTP, or wrong until the first sync.

A stored time in the future was written before the clock was set back, so its age is unknown.
`is_due` is True then, so that nothing waits for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

STEP = timedelta(minutes=1)  # smaller corrections of the clock do not matter for any stored time


def time_since(moment: datetime, now: datetime) -> timedelta | None:
    """Age of a stored time; None if the clock was set back to before it."""
    age = now - moment
    return age if age >= timedelta(0) else None


def is_due(moment: datetime, after: timedelta, now: datetime) -> bool:
    """Whether `after` has passed since a stored time; True if its age is unknown."""
    age = time_since(moment, now)
    return age is None or age >= after


def utc_now() -> datetime:
    """The time of this machine, for the outermost caller; everything below is given a clock."""
    return datetime.now(UTC)


def steady_s() -> float:
    """Seconds since the machine started, also while it was suspended; no clock setting moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Detects that the wall clock was set, by comparing it with a monotonic clock."""

    def __init__(self) -> None:
        self._last: tuple[datetime, float] | None = None

    def jump(self, now: datetime, steady: float) -> timedelta:
        """By how much the clock was set since the last jump, forward or back (negative).

        steady: seconds of a monotonic clock. Zero at the first call and for less than `STEP`;
        smaller differences add up until they reach it.
        """
        if self._last is None:
            self._last = (now, steady)
            return timedelta(0)
        then, steady_then = self._last
        moved = (now - then) - timedelta(seconds=steady - steady_then)
        if abs(moved) < STEP:
            return timedelta(0)
        self._last = (now, steady)
        return moved
