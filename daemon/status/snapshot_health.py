"""The status of the daemon's process and of its child, what does not work, and inputs that could
not be used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from daemon.domain import RESOLVED, Heartbeat, QuarantinedFault
from daemon.rules.heartbeat import liveness_of, liveness_sentence
from daemon.runs.locks import holder_of
from daemon.runs.run_folder import RunFolder
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
from daemon.store import LOCK, Store
from daemon.store.majority_labels import MAJORITY

LISTED_DUPLICATES = 50


def daemon_state(state_dir: Path, heartbeat: Heartbeat | None, now: datetime) -> DaemonState:
    """Whether a daemon works on a state folder: by its lock, and by the last heartbeat."""
    process, is_held = _lock_holder(state_dir)
    life = liveness_of(heartbeat, held=is_held, now=now)
    looked_at = heartbeat.looked_at if heartbeat else None
    return DaemonState(
        state=life,
        words=liveness_sentence(life, heartbeat, now),
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


def quarantine(faults: Sequence[QuarantinedFault]) -> tuple[QuarantinedInput, ...]:
    """What could not be used and was not mended or replaced since.

    Of an image's answers with the same fault only the newest, which comes first in `faults`: an
    image that was asked again and again is one fault.
    """
    newest: dict[tuple[object, ...], QuarantinedInput] = {}
    for fault in faults:
        if fault.state not in RESOLVED:
            source = fault.where if fault.image_id is None else fault.image_id
            newest.setdefault((source, fault.got, fault.cure), _quarantined(fault))
    return tuple(newest.values())


def settled_quarantine(faults: Sequence[QuarantinedFault]) -> tuple[QuarantinedInput, ...]:
    """What could not be used and was mended or replaced since."""
    return tuple(_quarantined(fault) for fault in faults if fault.state in RESOLVED)


def _quarantined(fault: QuarantinedFault) -> QuarantinedInput:
    return QuarantinedInput(
        place=fault.where,
        got=fault.got,
        expected=fault.expected,
        cure=fault.cure,
        at=fault.at.isoformat(),
        state=fault.state.value,
        image=fault.image_name,
        image_id=fault.image_id,
    )


def duplicate_labels(store: Store) -> DuplicateLabels:
    """How many images several people labeled, and the newest of them with whose label counts."""
    found = store.duplicate_labels()
    newest = found[: -LISTED_DUPLICATES - 1 : -1]
    labels = store.labels_of(duplicate.image_id for duplicate in newest)
    listed = tuple(
        DuplicateLabel(
            image_id=duplicate.image_id,
            image=duplicate.image_name,
            people=duplicate.people,
            answers=duplicate.answers,
            annotator=labels[duplicate.image_id].annotator,
        )
        for duplicate in newest
    )
    majority = {"by_majority": True} if store.label_policy() == MAJORITY else {}
    return DuplicateLabels(images=len(found), listed=listed, **majority)


def mask_notes(store: Store) -> tuple[MaskNote, ...]:
    """Labels whose mask was repaired when it was read, newest first."""
    return tuple(
        MaskNote(
            place=notes.where, image=notes.image_name, at=notes.at.isoformat(), notes=notes.notes
        )
        for notes in store.annotation_notes()
    )


def newest_events(store: Store) -> tuple[Event, ...]:
    """The newest events, newest first."""
    return tuple(
        Event(at=event.at.isoformat(), level=event.level, words=event.words)
        for event in store.events()
    )
