"""Whether a daemon works on a store, and since when none does. Pure.

Two signs: the lock on the state folder, which the kernel frees when the process ends, and the
heartbeat in the store, which has the time of the last tick.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

from daemon.domain import Heartbeat
from daemon.domain.clock import time_since

MISSED_TICKS = 10
LONG_TICK = timedelta(minutes=10)  # pushes and listings of large projects take minutes


class Life(enum.StrEnum):
    """The state of a daemon."""

    NEVER = "never ran"
    RUNNING = "running"
    SILENT = "silent"  # a process holds the store and has made no tick for long
    STOPPED = "stopped"  # it ended on request
    DEAD = "dead"  # it ended without a note: killed, or the machine went down


def life_of(beat: Heartbeat | None, *, held: bool | None, now: datetime) -> Life:
    """The state of the daemon. held: whether a process holds the lock of the state folder; None
    where the file system has no locks, and then the heartbeat alone decides."""
    if beat is None:
        return Life.RUNNING if held else Life.NEVER
    late = _is_late(beat, now)
    if held or (held is None and not late and beat.ended_at is None):
        return Life.SILENT if late and beat.ended_at is None else Life.RUNNING
    return Life.DEAD if beat.ended_at is None else Life.STOPPED


def sentence_of(life: Life, beat: Heartbeat | None, now: datetime) -> str:
    """The state in words, with its beginning; empty where a daemon runs as it should."""
    if life is Life.RUNNING:
        return ""
    if beat is None or life is Life.NEVER:
        return "the daemon has not run yet: start `maskloop run`"
    since = _clock(beat.last_at, now)
    if life is Life.SILENT:
        return (
            f"the daemon (process {beat.pid}) has not looked since {since}: it hangs; "
            f"see its log, and start it again"
        )
    how = "it was stopped" if life is Life.STOPPED else "it ended without a word"
    return f"no daemon since {since}: {how}; start `maskloop run`"


def _is_late(beat: Heartbeat, now: datetime) -> bool:
    """Whether its next tick is long overdue; never where the clock was set back since."""
    every = max(beat.next_at - (beat.looked_at or beat.began_at), timedelta(0))
    silent = time_since(beat.last_at, now)
    return silent is not None and silent > MISSED_TICKS * every + LONG_TICK


def _clock(at: datetime, now: datetime) -> str:
    """A moment as a clock beside this machine shows it: "16:24 UTC", with the day unless today."""
    here, today = at.astimezone(), now.astimezone().date()
    return here.strftime("%H:%M %Z" if here.date() == today else "%d %b %H:%M %Z")
