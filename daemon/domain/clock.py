"""Kept moments against a clock that may jump: set by hand, by NTP, or wrong until the first sync.

A moment in the future was written before the clock was set back, so its age is unknown. What waits
for it must not wait for ever, so `is_due` is True then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

Clock = Callable[[], datetime]

STEP = timedelta(minutes=1)  # smaller corrections of the clock matter to nothing that we keep


def time_since(moment: datetime, now: datetime) -> timedelta | None:
    """Age of a kept moment; None where the clock was set back behind it."""
    passed = now - moment
    return passed if passed >= timedelta(0) else None


def is_due(moment: datetime, after: timedelta, now: datetime) -> bool:
    """Whether `after` has passed since a kept moment; True where its age is unknown."""
    passed = time_since(moment, now)
    return passed is None or passed >= after


def steady_s() -> float:
    """Seconds since the machine started, also while it was suspended; no clock setting moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Notices that the wall clock was set: it and a steady clock no longer agree."""

    def __init__(self) -> None:
        self._last: tuple[datetime, float] | None = None

    def jump(self, now: datetime, steady: float) -> timedelta:
        """By how much the clock was set since the last call, forward or back (negative).

        steady: seconds of a clock that is never set. Zero at the first call, and for less than
        `STEP` since the clock was found set, so that a slow drift adds up until it is one.
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
