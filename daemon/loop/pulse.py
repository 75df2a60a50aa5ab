"""The heartbeat that a daemon writes at each tick, and jumps of the wall clock between ticks."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from daemon.domain import Clock, Heartbeat
from daemon.domain.clock import ClockWatch
from daemon.store import Store

log = logging.getLogger(__name__)


class Pulse:
    """Writes the heartbeat of one daemon, from its first tick to its end.

    steady_s: a monotonic clock in seconds; None: jumps of `now` are not looked for. every_s:
    seconds from the end of a tick to the next one.
    """

    def __init__(self, now: Clock, steady_s: Callable[[], float] | None, every_s: float) -> None:
        self._now, self._steady_s = now, steady_s
        self._interval = timedelta(seconds=every_s)
        self._watch = ClockWatch()
        self._beat: Heartbeat | None = None

    def begin_tick(self, store: Store) -> timedelta:
        """Write that a tick begins; how far the wall clock was set since the last one, or 0.

        After a jump the times that something in the store waits for are moved by as much.
        """
        now = self._now()
        jump = timedelta(0) if self._steady_s is None else self._watch.jump(now, self._steady_s())
        if self._beat is None:
            beat = Heartbeat(
                pid=os.getpid(), started_at=now, began_at=now, looked_at=None, next_at=now
            )
        elif jump:
            beat = self._after_jump(store, self._beat, jump, now)
        else:
            beat = replace(self._beat, began_at=now)
        self._write(store, beat)
        return jump

    def end_tick(self, store: Store) -> None:
        """Write that the tick has ended, whether it failed or not."""
        if self._beat is not None:
            now = self._now()
            self._write(store, replace(self._beat, looked_at=now, next_at=now + self._interval))

    def stop(self, store: Store) -> None:
        """Write that the daemon was stopped, so that it does not count as dead."""
        if self._beat is not None:
            self._write(store, replace(self._beat, ended_at=self._now()))

    def _after_jump(
        self, store: Store, beat: Heartbeat, jump: timedelta, now: datetime
    ) -> Heartbeat:
        """Move the times that something waits for; the heartbeat in the new time.

        Forward: all of them, so that nothing expires by the jump. Back: only those that this
        daemon wrote, since an earlier one may have had the right time.
        """
        earliest = datetime.min.replace(tzinfo=UTC)
        count = store.move_waits(
            jump, earliest if jump > timedelta(0) else beat.started_at, now - jump
        )
        direction = "forward" if jump > timedelta(0) else "back"
        message = (
            f"the clock of this machine was set {direction} by {_to_seconds(abs(jump))}; ticks "
            f"go on, and {count} times that something waits for were moved with it"
        )
        log.warning("%s", message)
        store.add_event("warning", message, now)
        started = beat.started_at + jump
        return replace(beat, started_at=started, began_at=now, looked_at=None, next_at=now)

    def _write(self, store: Store, beat: Heartbeat) -> None:
        store.beat(beat)
        self._beat = beat


def _to_seconds(time: timedelta) -> timedelta:
    """Rounded to whole seconds."""
    return timedelta(seconds=round(time.total_seconds()))
