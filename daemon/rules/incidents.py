"""What keeps the loop from working: said when it begins, when it changes, and when it is over.

One incident a source; each failing tick adds to it. A day of outage is a handful of lines in the
log: the beginning, each new reason, reminders after 1, 2, 4 ... hours, and the end. What comes and
goes is one incident, which is over when nothing failed for half an hour. Pure: the caller brings
the time, logs what is said, and keeps the incidents.
"""

from __future__ import annotations

import enum
import errno
import re
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.domain.clock import is_due, time_since
from daemon.domain.errors import (
    ConfigError,
    ConnectorRefused,
    ConnectorUnavailable,
    DiskFull,
    IntakeBroken,
    MaskloopError,
    RunFailed,
    StoreInUse,
    StoreTooNew,
    StoreTooOld,
)

CALM = timedelta(minutes=30)  # so long nothing fails before what came and went is over
RECENT = timedelta(hours=1)  # what comes back within it was not over
REMIND = timedelta(hours=1)  # the first reminder; each later one takes twice as long
SELDOM = timedelta(hours=24)  # the longest time between two reminders
MOST_REASONS = 8  # that are said of one incident; the store has the newest anyway
MOST_WORDS = 2_000  # characters of a message that are kept
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_DISK = (errno.ENOSPC, errno.EDQUOT)


class Source(enum.StrEnum):
    """What does not work."""

    TOOL = "labeling tool"
    RUN = "run"
    DISK = "disk"
    INTAKE = "intake"
    CONFIG = "config.toml"
    STORE = "store"
    OTHER = "daemon"


_SOURCES: Sequence[tuple[type[Exception], Source]] = (
    (ConnectorUnavailable, Source.TOOL),
    (ConnectorRefused, Source.TOOL),
    (RunFailed, Source.RUN),
    (DiskFull, Source.DISK),
    (IntakeBroken, Source.INTAKE),
    (ConfigError, Source.CONFIG),
    (StoreInUse, Source.STORE),
    (StoreTooNew, Source.STORE),
    (StoreTooOld, Source.STORE),
    (sqlite3.Error, Source.STORE),
)


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a tick ended early. kind: the name of the exception. unexpected: a fault of ours, whose
    traceback belongs into the log."""

    source: Source
    kind: str
    words: str
    unexpected: bool = False

    @property
    def alike(self) -> tuple[str, str]:
        """The same for messages that differ in their numbers only."""
        return self.kind, _NUMBER.sub("#", self.words)


@dataclass(frozen=True, kw_only=True)
class Incident:
    """Something that does not work, or did not. reason: the newest. count: ticks that failed.

    returns: how often it came back soon after it seemed over. ended_at: None while it lasts.
    """

    reason: Reason
    since: datetime
    last_at: datetime
    count: int = 1
    returns: int = 0
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Said:
    """A line for the log. level: "info" or "warning". event: whether the page lists it too.
    traceback: whether the exception belongs beside it."""

    level: str
    words: str
    event: bool = True
    traceback: bool = False


def reason_of(exc: Exception) -> Reason:
    """What an exception says about why nothing goes on."""
    kind, words = type(exc).__name__, str(exc)[:MOST_WORDS] or type(exc).__name__
    if isinstance(exc, OSError) and not isinstance(exc, sqlite3.Error):
        if exc.errno in _DISK:
            words = f"{words}; free some space, the daemon goes on by itself"
            return Reason(source=Source.DISK, kind=DiskFull.__name__, words=words)
        return Reason(source=Source.OTHER, kind=kind, words=f"{words}; see the log")
    for error, source in _SOURCES:
        if isinstance(exc, error):
            return Reason(source=source, kind=kind, words=words)
    if isinstance(exc, MaskloopError):
        return Reason(source=Source.OTHER, kind=kind, words=words)
    words = f"unexpected: {kind}: {words}"
    return Reason(source=Source.OTHER, kind=kind, words=words, unexpected=True)


class Incidents:
    """What does not work now, and what worked again a moment ago.

    known: those that an earlier life of the daemon left open. Not to be shared between threads.
    """

    def __init__(self, known: Iterable[Incident] = ()) -> None:
        self._all = {incident.reason.source: incident for incident in known}
        self._told: dict[Source, _Told] = {}

    @property
    def open(self) -> list[Incident]:
        """What does not work now, the oldest first."""
        lasting = [incident for incident in self._all.values() if incident.ended_at is None]
        return sorted(lasting, key=lambda incident: incident.since)

    def of(self, source: Source) -> Incident | None:
        """The incident of a source that lasts, or the last one that is over."""
        return self._all.get(source)

    def failed(self, reason: Reason, now: datetime) -> Said | None:
        """A tick failed: the incident of this source begins, or goes on."""
        old = self._all.get(reason.source)
        if old is not None and old.ended_at is not None and is_due(old.ended_at, RECENT, now):
            old = None
        if old is None:
            self._all[reason.source] = Incident(reason=reason, since=now, last_at=now)
            return self._told_first(reason, now)
        back = old.ended_at is not None
        self._all[reason.source] = incident = replace(
            old,
            reason=reason,
            last_at=now,
            count=old.count + 1,
            returns=old.returns + back,
            ended_at=None,
        )
        if reason.source not in self._told:
            return self._told_first(reason, now)  # a new life of the daemon has a new log
        if back and incident.returns == 1:
            return self._tell(incident, "it comes and goes", now, event=True)
        return self._told_more(incident, now)

    def worked(self, failing: Collection[Source], now: datetime) -> list[Said]:
        """A tick came through; failing: sources that it does not vouch for. What is over now."""
        said = []
        for incident in self.open:
            source = incident.reason.source
            calm = not incident.returns or is_due(incident.last_at, CALM, now)
            if source not in failing and calm:
                self._all[source] = replace(incident, ended_at=now)
                said.append(_over(incident, now))
        return said

    def move(self, by: timedelta) -> None:
        """The clock was set: what was kept by the old one follows."""
        for source, incident in self._all.items():
            ended = incident.ended_at
            self._all[source] = replace(
                incident,
                since=incident.since + by,
                last_at=incident.last_at + by,
                ended_at=None if ended is None else ended + by,
            )
        for told in self._told.values():
            told.at += by

    def _told_first(self, reason: Reason, now: datetime) -> Said:
        self._told[reason.source] = _Told(at=now, reasons={reason.alike})
        words = f"waiting source={reason.source} kind={reason.kind}: {reason.words}"
        return Said(level="warning", words=words, traceback=reason.unexpected)

    def _told_more(self, incident: Incident, now: datetime) -> Said | None:
        told, reason = self._told[incident.reason.source], incident.reason
        if reason.alike not in told.reasons and len(told.reasons) < MOST_REASONS:
            told.reasons.add(reason.alike)
            return self._tell(incident, "another reason", now, event=True)
        if is_due(told.at, min(REMIND * 2**told.reminders, SELDOM), now):
            told.reminders += 1
            return self._tell(incident, "still", now, event=False)
        return None

    def _tell(self, incident: Incident, how: str, now: datetime, *, event: bool) -> Said:
        reason = incident.reason
        self._told[reason.source].at = now
        words = (
            f"waiting source={reason.source} kind={reason.kind}, {how}, {incident.count} attempts"
            f"{_lasting(incident, now)}: {reason.words}"
        )
        return Said(level="warning", words=words, event=event, traceback=reason.unexpected)


@dataclass(kw_only=True)
class _Told:
    """What the log of this life of the daemon holds about an incident."""

    at: datetime
    reasons: set[tuple[str, str]]
    reminders: int = 0


def _over(incident: Incident, now: datetime) -> Said:
    after = time_since(incident.since, now)
    waited = "waiting" if after is None else f"{_rounded(after)} of waiting"
    words = (
        f"going on after {waited} ({incident.reason.kind} of the {incident.reason.source}, "
        f"{incident.count} attempts)"
    )
    return Said(level="info", words=words)


def _lasting(incident: Incident, now: datetime) -> str:
    lasting = time_since(incident.since, now)
    return "" if lasting is None else f" in {_rounded(lasting)}"


def _rounded(time: timedelta) -> timedelta:
    return timedelta(seconds=round(time.total_seconds()))
