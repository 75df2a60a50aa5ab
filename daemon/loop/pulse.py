"""What a daemon writes at each look: that it lives, and by how much the clock was set since."""

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
    """The heartbeat of one daemon, from its first look to its end.

    steady_s: seconds of a clock that nobody sets; None where `now` may jump as it likes. every_s:
    how long until the next look.
    """

    def __init__(self, now: Clock, steady_s: Callable[[], float] | None, every_s: float) -> None:
        self._now, self._steady_s = now, steady_s
        self._every = timedelta(seconds=every_s)
        self._watch = ClockWatch()
        self._beat: Heartbeat | None = None

    def begin(self, store: Store) -> timedelta:
        """A look begins. By how much the clock was set since the last one, mostly zero; then what
        waits in the store has been moved with it."""
        now = self._now()
        jump = timedelta(0) if self._steady_s is None else self._watch.jump(now, self._steady_s())
        if self._beat is None:
            beat = Heartbeat(
                pid=os.getpid(), started_at=now, began_at=now, looked_at=None, next_at=now
            )
        elif jump:
            beat = self._moved(store, self._beat, jump, now)
        else:
            beat = replace(self._beat, began_at=now)
        self._keep(store, beat)
        return jump

    def end(self, store: Store) -> None:
        """The look has ended, well or not."""
        if self._beat is not None:
            now = self._now()
            self._keep(store, replace(self._beat, looked_at=now, next_at=now + self._every))

    def stop(self, store: Store) -> None:
        """The daemon ends as it should."""
        if self._beat is not None:
            self._keep(store, replace(self._beat, ended_at=self._now()))

    def _moved(self, store: Store, beat: Heartbeat, jump: timedelta, now: datetime) -> Heartbeat:
        """Forward, everything that waits is moved, so that nothing expires by it; back, only what
        this daemon wrote: what is older was perhaps written by the right clock."""
        long_ago = datetime.min.replace(tzinfo=UTC)
        moved = store.move_waits(
            jump, long_ago if jump > timedelta(0) else beat.started_at, now - jump
        )
        way = "forward" if jump > timedelta(0) else "back"
        words = (
            f"the clock of this machine was set {way} by {_rounded(abs(jump))}; looks go on, and "
            f"{moved} moments that something waits for were moved with it"
        )
        log.warning("%s", words)
        store.add_event("warning", words, now)
        started = beat.started_at + jump
        return replace(beat, started_at=started, began_at=now, looked_at=None, next_at=now)

    def _keep(self, store: Store, beat: Heartbeat) -> None:
        store.beat(beat)
        self._beat = beat


def _rounded(time: timedelta) -> timedelta:
    return timedelta(seconds=round(time.total_seconds()))
