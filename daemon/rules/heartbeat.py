"""Whether a daemon runs on a store, and since when none does. Pure.

It is decided from the lock on the state folder, which the kernel frees when the process ends, and
from the heartbeat in the store, which has the time of the last tick.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

from daemon.domain import Heartbeat
from daemon.domain.clock import time_since

MISSED_TICKS = 10
LONG_TICK = timedelta(minutes=10)  # pushes and listings of large projects take minutes


class Liveness(enum.StrEnum):
    """Whether a daemon runs."""

    NEVER = "never ran"
    RUNNING = "running"
    SILENT = "silent"  # a process holds the lock, and its last tick is long ago
    STOPPED = "stopped"  # it was stopped
    DEAD = "dead"  # it ended without being stopped: killed, or the machine went down


def liveness_of(beat: Heartbeat | None, *, held: bool | None, now: datetime) -> Liveness:
    """Whether a daemon runs. beat: its last heartbeat; None: there was none yet.

    held: whether a process holds the lock of the state folder; None if the file system has no
    locks, and then the heartbeat alone decides.
    """
    if beat is None:
        return Liveness.RUNNING if held else Liveness.NEVER
    late = _is_late(beat, now)
    if held or (held is None and not late and beat.ended_at is None):
        return Liveness.SILENT if late and beat.ended_at is None else Liveness.RUNNING
    return Liveness.DEAD if beat.ended_at is None else Liveness.STOPPED


def liveness_sentence(liveness: Liveness, beat: Heartbeat | None, now: datetime) -> str:
    """What is wrong and since when; empty if the daemon runs."""
    if liveness is Liveness.RUNNING:
        return ""
    if beat is None or liveness is Liveness.NEVER:
        return "the daemon has not run yet: start `maskloop run`"
    since = _clock(beat.last_at, now)
    if liveness is Liveness.SILENT:
        return (
            f"the daemon (process {beat.pid}) has made no tick since {since}: it hangs; "
            f"see its log, and restart it"
        )
    how = "it was stopped" if liveness is Liveness.STOPPED else "it ended without being stopped"
    return f"no daemon since {since}: {how}; start `maskloop run`"


def _is_late(beat: Heartbeat, now: datetime) -> bool:
    """Whether its next tick is long overdue; False if the clock was set back since."""
    interval = max(beat.next_at - (beat.looked_at or beat.began_at), timedelta(0))
    silent = time_since(beat.last_at, now)
    return silent is not None and silent > MISSED_TICKS * interval + LONG_TICK


def _clock(at: datetime, now: datetime) -> str:
    """A time in the zone of this machine: "16:24 UTC", with the day if it is not today."""
    local, today = at.astimezone(), now.astimezone().date()
    return local.strftime("%H:%M %Z" if local.date() == today else "%d %b %H:%M %Z")
