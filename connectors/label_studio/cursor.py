"""The cursor of a project: how far its changes were read, as text for the store.

It holds the time by the server's clock, and the ids of all tasks as ranges, so that a deleted
task is noticed without a table of our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

OVERLAP = timedelta(seconds=120)  # before the last reading: changes become visible late
CLOCK_SET_BACK = timedelta(seconds=100)  # less than OVERLAP, which covers smaller jumps
FULL_READ_EVERY = timedelta(days=1)  # finds changes whose time cannot be trusted


@dataclass(frozen=True, kw_only=True)
class ResumePoint:
    """Where the next page begins. since: it holds changes of that time or later. done: tasks whose
    change at exactly that time was read already."""

    since: datetime
    done: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """How far the changes were read.

    server_time: the server's clock when the reading began, or the time of the latest change where
    the server sends no Date. local_time: our own clock then. full_read_at: our own clock when
    everything was read last. tasks: ids of all tasks of the project. resume: where the next page
    begins; None after the last page.
    """

    server_time: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    local_time: datetime | None = None
    full_read_at: datetime | None = None
    tasks: frozenset[int] = field(default_factory=frozenset)
    resume: ResumePoint | None = None

    @property
    def start(self) -> ResumePoint:
        """Where to begin: a little before the last reading, as changes become visible late."""
        return self.resume or ResumePoint(since=self.server_time - OVERLAP)

    def checked(self, server_now: datetime | None, local_now: datetime) -> Cursor:
        """This cursor, or one that reads everything again, where changes may have any time.

        That is where the server's clock was set back, and a day after the last full reading: a
        clock that was set back and forward again in between cannot be noticed otherwise.
        server_now, local_now: the server's clock and our own now; None where it sent no Date.
        """
        if self.full_read_at is not None and local_now - self.full_read_at > FULL_READ_EVERY:
            return Cursor(tasks=self.tasks)
        if server_now is None or self.local_time is None:
            return self
        behind = (local_now - self.local_time) - (server_now - self.server_time)
        is_back = behind > CLOCK_SET_BACK or server_now < self.server_time - CLOCK_SET_BACK
        return Cursor(tasks=self.tasks) if is_back else self

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """The cursor that `str` wrote; the beginning for None, and for a text that is damaged or
        of another version: to read everything again loses nothing."""
        try:
            return cls() if text is None else cls._read(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()

    @classmethod
    def _read(cls, text: str) -> Cursor:
        stored = json.loads(text)  # the keys are those of stores in use
        resume = None
        if "since" in stored:
            done = frozenset(_from_ranges(stored["done"]))
            resume = ResumePoint(since=datetime.fromisoformat(stored["since"]), done=done)
        local_time, full_read_at = (
            datetime.fromisoformat(stored[name]) if stored.get(name) else None
            for name in ("ours", "whole")
        )
        return cls(
            server_time=datetime.fromisoformat(stored["looked_at"]),
            local_time=local_time,
            full_read_at=full_read_at,
            tasks=frozenset(_from_ranges(stored["tasks"])),
            resume=resume,
        )

    def __str__(self) -> str:
        stored = {"looked_at": self.server_time.isoformat(), "tasks": _to_ranges(self.tasks)}
        for name, time in (("ours", self.local_time), ("whole", self.full_read_at)):
            if time is not None:
                stored[name] = time.isoformat(timespec="seconds")
        if self.resume is not None:
            stored |= {"since": self.resume.since.isoformat(), "done": _to_ranges(self.resume.done)}
        return json.dumps(stored)


def _to_ranges(ids: Iterable[int]) -> str:
    """{1, 2, 3, 7} -> "1-3,7"."""
    runs: list[list[int]] = []
    for number in sorted(ids):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{low}-{high}" if high > low else str(low) for low, high in runs)


def _from_ranges(text: str) -> Iterable[int]:
    for run in filter(None, text.split(",")):
        low, _, high = run.partition("-")
        yield from range(int(low), int(high or low) + 1)
