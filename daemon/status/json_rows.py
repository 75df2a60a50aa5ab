"""Nouns of the store as the status writes them in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.domain import RESOLVED, AnnotationNotes, Event, QuarantinedFault, StageTime


def quarantine_rows(faults: Sequence[QuarantinedFault]) -> dict[str, Any]:
    """What could not be used, and apart what was mended or replaced since."""
    open_faults = _newest([fault for fault in faults if fault.state not in RESOLVED])
    resolved = [fault for fault in faults if fault.state in RESOLVED]
    return {
        "quarantine": [_fault(fault) for fault in open_faults],
        "quarantine_settled": [_fault(fault) for fault in resolved],
    }


def _fault(fault: QuarantinedFault) -> dict[str, Any]:
    return {
        "place": fault.where,
        "got": fault.got,
        "expected": fault.expected,
        "cure": fault.cure,
        "at": fault.at.isoformat(),
        "state": fault.state.value,
        "image": fault.image_name,
        "image_id": fault.image_id,
    }


def _newest(faults: Sequence[QuarantinedFault]) -> list[QuarantinedFault]:
    """Of answers about one image with the same trouble the newest alone, which is the first: an
    image that was asked again and again is one fault."""
    first: dict[tuple[Any, ...], QuarantinedFault] = {}
    for fault in faults:
        same = fault.where if fault.image_id is None else fault.image_id
        first.setdefault((same, fault.got, fault.cure), fault)
    return list(first.values())


def stage_row(time: StageTime) -> dict[str, Any]:
    """When a stage began and ended."""
    return {
        "cycle": time.cycle,
        "stage": time.stage.value,
        "started_at": time.started_at.isoformat(),
        "finished_at": time.finished_at and time.finished_at.isoformat(),
        "seconds": time.seconds,
    }


def event_row(event: Event) -> dict[str, Any]:
    """An event."""
    return {"at": event.at.isoformat(), "level": event.level, "words": event.words}


def notes_row(notes: AnnotationNotes) -> dict[str, Any]:
    """What was made of an annotation beyond reading it."""
    return {
        "place": notes.where,
        "image": notes.image_name,
        "at": notes.at.isoformat(),
        "notes": list(notes.notes),
    }
