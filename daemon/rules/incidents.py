"""Incidents: failures that keep the loop from working, each from its start to its end. Pure.

Each source has at most one open incident, and each tick that fails is added to it. A day of outage
writes a few log lines: the start, each new reason, reminders after 1, 2, 4 ... hours, and the end.
A failure that comes and goes is one incident, which ends after half an hour without a failure. The
caller passes the time, writes the log lines and stores the incidents.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.domain import Incident, Reason, Source
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

CALM = timedelta(minutes=30)  # without a failure, until an incident that came back ends
RECENT = timedelta(hours=1)  # a failure within this time after the end reopens the incident
REMIND = timedelta(hours=1)  # the first reminder; each later one takes twice as long
LONGEST_PAUSE = timedelta(hours=24)  # between two reminders
MOST_REASONS = 8  # of one incident in the log; the store always has the newest
MOST_CHARACTERS = 2_000  # of a stored message
_DISK = (errno.ENOSPC, errno.EDQUOT)


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
class LogLine:
    """A line for the log. level: "info" or "warning". event: whether the page lists it too.
    traceback: whether the log shows the exception."""

    level: str
    message: str
    event: bool = True
    traceback: bool = False


def reason_of(exc: Exception) -> Reason:
    """The reason for a failed tick, from its exception."""
    kind, words = type(exc).__name__, str(exc)[:MOST_CHARACTERS] or type(exc).__name__
    if isinstance(exc, OSError) and not isinstance(exc, sqlite3.Error):
        if exc.errno in _DISK:
            words = f"{words}; free some space, then the daemon continues by itself"
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
    """The incidents of a daemon: the open ones and the last one of each source.

    known: open incidents of an earlier daemon. Not thread-safe.
    """

    def __init__(self, known: Iterable[Incident] = ()) -> None:
        self._all = {incident.reason.source: incident for incident in known}
        self._logged: dict[Source, _Logged] = {}

    @property
    def open(self) -> list[Incident]:
        """The open incidents, the oldest first."""
        ongoing = [incident for incident in self._all.values() if incident.ended_at is None]
        return sorted(ongoing, key=lambda incident: incident.since)

    def of(self, source: Source) -> Incident | None:
        """The open incident of a source, else its last one; None without any."""
        return self._all.get(source)

    def record_failure(self, reason: Reason, now: datetime) -> LogLine | None:
        """Record a tick that failed; returns the line to log, None for none."""
        old = self._all.get(reason.source)
        if old is not None and old.ended_at is not None and is_due(old.ended_at, RECENT, now):
            old = None
        if old is None:
            self._all[reason.source] = Incident(reason=reason, since=now, last_at=now)
            return self._log_first(reason, now)
        reopened = old.ended_at is not None
        self._all[reason.source] = incident = replace(
            old,
            reason=reason,
            last_at=now,
            count=old.count + 1,
            returns=old.returns + reopened,
            ended_at=None,
        )
        if reason.source not in self._logged:
            return self._log_first(reason, now)  # a new process has a new log
        if reopened and incident.returns == 1:
            return self._log(incident, "it comes and goes", now, event=True)
        return self._log_more(incident, now)

    def record_success(self, failing: Collection[Source], now: datetime) -> list[LogLine]:
        """Record a tick that succeeded; returns a line to log for each incident that ends.

        failing: sources that this tick did not try, so that their incidents stay open.
        """
        lines = []
        for incident in self.open:
            source = incident.reason.source
            calm = not incident.returns or is_due(incident.last_at, CALM, now)
            if source not in failing and calm:
                self._all[source] = replace(incident, ended_at=now)
                lines.append(_end_line(incident, now))
        return lines

    def end(self, source: Source, now: datetime) -> Incident | None:
        """End the open incident of a source at once, also one that came back; None without any."""
        incident = self._all.get(source)
        if incident is None or incident.ended_at is not None:
            return None
        self._all[source] = ended = replace(incident, ended_at=now)
        return ended

    def shift_times(self, by: timedelta) -> None:
        """Add `by` to all times, since the wall clock was set by as much."""
        for source, incident in self._all.items():
            ended = incident.ended_at
            self._all[source] = replace(
                incident,
                since=incident.since + by,
                last_at=incident.last_at + by,
                ended_at=None if ended is None else ended + by,
            )
        for logged in self._logged.values():
            logged.at += by

    def _log_first(self, reason: Reason, now: datetime) -> LogLine:
        self._logged[reason.source] = _Logged(at=now, reasons={reason.pattern})
        message = f"waiting source={reason.source} kind={reason.kind}: {reason.words}"
        return LogLine(level="warning", message=message, traceback=reason.unexpected)

    def _log_more(self, incident: Incident, now: datetime) -> LogLine | None:
        logged, reason = self._logged[incident.reason.source], incident.reason
        if reason.pattern not in logged.reasons and len(logged.reasons) < MOST_REASONS:
            logged.reasons.add(reason.pattern)
            return self._log(incident, "another reason", now, event=True)
        if is_due(logged.at, min(REMIND * 2**logged.reminders, LONGEST_PAUSE), now):
            logged.reminders += 1
            return self._log(incident, "still", now, event=False)
        return None

    def _log(self, incident: Incident, how: str, now: datetime, *, event: bool) -> LogLine:
        reason = incident.reason
        self._logged[reason.source].at = now
        message = (
            f"waiting source={reason.source} kind={reason.kind}, {how}, {incident.count} attempts"
            f"{_elapsed_text(incident, now)}: {reason.words}"
        )
        return LogLine(level="warning", message=message, event=event, traceback=reason.unexpected)


@dataclass(kw_only=True)
class _Logged:
    """What this process has logged about an incident. at: when it logged last."""

    at: datetime
    reasons: set[tuple[str, str]]
    reminders: int = 0


def _end_line(incident: Incident, now: datetime) -> LogLine:
    elapsed = time_since(incident.since, now)
    waited = "waiting" if elapsed is None else f"{_rounded(elapsed)} of waiting"
    message = (
        f"continuing after {waited} ({incident.reason.kind} of the {incident.reason.source}, "
        f"{incident.count} attempts)"
    )
    return LogLine(level="info", message=message)


def _elapsed_text(incident: Incident, now: datetime) -> str:
    elapsed = time_since(incident.since, now)
    return "" if elapsed is None else f" in {_rounded(elapsed)}"


def _rounded(time: timedelta) -> timedelta:
    return timedelta(seconds=round(time.total_seconds()))
