"""Whether a daemon works on a store, and since when none does. Pure.

Two signs: the lock on the state folder, which the kernel takes back when the process ends, and the
heartbeat in the store, which says when the daemon looked last.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.clock import time_since

MISSED_LOOKS = 10
LONG_LOOK = timedelta(minutes=10)  # pushes and listings of large projects take minutes


class Life(enum.StrEnum):
    """How a daemon is."""

    NEVER = "never ran"
    RUNNING = "running"
    SILENT = "silent"  # a process holds the store and has not looked for long
    STOPPED = "stopped"  # it ended as it should
    DEAD = "dead"  # it ended without a word: killed, or the machine went down


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The last sign of life of a daemon. began_at: when its newest look began. looked_at: when its
    last whole look ended, None before the first. next_at: when it meant to look again. ended_at:
    when it said that it stops, None where it did not."""

    pid: int
    started_at: datetime
    began_at: datetime
    looked_at: datetime | None
    next_at: datetime
    ended_at: datetime | None = None

    @property
    def last_at(self) -> datetime:
        """The newest moment at which it was seen alive."""
        return max(filter(None, (self.began_at, self.looked_at, self.ended_at)))


def life_of(beat: Heartbeat | None, *, held: bool | None, now: datetime) -> Life:
    """How the daemon is. held: whether a process holds the state folder; None where the file
    system cannot tell, and then the heartbeat alone decides."""
    if beat is None:
        return Life.RUNNING if held else Life.NEVER
    late = _is_late(beat, now)
    if held or (held is None and not late and beat.ended_at is None):
        return Life.SILENT if late and beat.ended_at is None else Life.RUNNING
    return Life.DEAD if beat.ended_at is None else Life.STOPPED


def words_of(life: Life, beat: Heartbeat | None, now: datetime) -> str:
    """The same in words, with since when; empty where a daemon runs as it should."""
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
    """Whether it should have looked long ago; not where the clock was set back since."""
    every = max(beat.next_at - (beat.looked_at or beat.began_at), timedelta(0))
    silent = time_since(beat.last_at, now)
    return silent is not None and silent > MISSED_LOOKS * every + LONG_LOOK


def _clock(at: datetime, now: datetime) -> str:
    """A moment as a clock beside this machine shows it: "16:24 UTC", with the day unless today."""
    here, today = at.astimezone(), now.astimezone().date()
    return here.strftime("%H:%M %Z" if here.date() == today else "%d %b %H:%M %Z")
