"""The status of the daemon's process and of its child, what does not work, and inputs that could
not be used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from daemon.rules.heartbeat import Heartbeat, life_of, sentence_of
from daemon.runs.folder import RunFolder
from daemon.runs.locks import holder_of
from daemon.status.model import RunProgress
from daemon.status.model_health import (
    DaemonState,
    DuplicateLabel,
    DuplicateLabels,
    Event,
    Incident,
    MaskNote,
    QuarantinedInput,
)
from daemon.store import LOCK, SETTLED, Store
from daemon.store.base import Row

LISTED_DUPLICATES = 50


def daemon_state(state_dir: Path, heartbeat: Heartbeat | None, now: datetime) -> DaemonState:
    """Whether a daemon works on a state folder: by its lock, and by the last heartbeat."""
    process, is_held = _lock_holder(state_dir)
    life = life_of(heartbeat, held=is_held, now=now)
    looked_at = heartbeat.looked_at if heartbeat else None
    return DaemonState(
        state=life,
        words=sentence_of(life, heartbeat, now),
        process=process,
        since=heartbeat.last_at.isoformat() if heartbeat else None,
        looked_at=looked_at.isoformat() if looked_at else None,
        next_at=heartbeat.next_at.isoformat() if heartbeat else None,
    )


def _lock_holder(state_dir: Path) -> tuple[int | None, bool | None]:
    """(process id, whether a process holds the lock). Both are None where the file system has no
    locks: then the heartbeat alone decides."""
    try:
        process = holder_of(state_dir / LOCK)
    except OSError:
        return None, None
    return process, process is not None


def run_progress(run: RunFolder) -> RunProgress | None:
    """How far a run is; None where no process works in it."""
    try:
        if run.holder() is None:
            return None
    except OSError:
        return None
    progress = run.read_progress()
    return None if progress is None else RunProgress(**progress.model_dump())


def incidents(store: Store) -> tuple[Incident, ...]:
    """What does not work now, the oldest first."""
    return tuple(
        Incident(
            source=incident.reason.source,
            kind=incident.reason.kind,
            words=incident.reason.words,
            since=incident.since.isoformat(),
            last_at=incident.last_at.isoformat(),
            count=incident.count,
        )
        for incident in store.open_incidents()
    )


def quarantine(rows: Sequence[Row]) -> tuple[QuarantinedInput, ...]:
    """What could not be used and was not mended or replaced since.

    Of an image's answers with the same fault only the newest, which comes first in `rows`: an image
    that was asked again and again is one fault.
    """
    newest: dict[tuple[object, ...], QuarantinedInput] = {}
    for row in rows:
        if row["state"] not in SETTLED:
            source = row["place"] if row["image_id"] is None else row["image_id"]
            newest.setdefault((source, row["got"], row["cure"]), QuarantinedInput(**row))
    return tuple(newest.values())


def settled_quarantine(rows: Sequence[Row]) -> tuple[QuarantinedInput, ...]:
    """What could not be used and was mended or replaced since."""
    return tuple(QuarantinedInput(**row) for row in rows if row["state"] in SETTLED)


def duplicate_labels(store: Store) -> DuplicateLabels:
    """How many images several people labeled, and the newest of them with whose label counts."""
    rows = store.doubles()
    authors = store.label_authors() if rows else {}
    newest = rows[: -LISTED_DUPLICATES - 1 : -1]
    listed = tuple(
        DuplicateLabel(**row, annotator=authors[row["image_id"]]["annotator"]) for row in newest
    )
    return DuplicateLabels(images=len(rows), listed=listed)


def mask_notes(store: Store) -> tuple[MaskNote, ...]:
    """Labels whose mask was repaired when it was read, newest first."""
    return tuple(MaskNote(**row) for row in store.noted())


def newest_events(store: Store) -> tuple[Event, ...]:
    """The newest events, newest first."""
    return tuple(Event(**row) for row in store.events())
