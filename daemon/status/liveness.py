"""For status, page and doctor: whether a daemon lives, what does not work, how far a run is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.rules.heartbeat import Heartbeat, life_of, sentence_of
from daemon.runs.folder import RunFolder
from daemon.runs.locks import holder_of
from daemon.store import LOCK, Store

Rows = list[dict[str, Any]]


def liveness(state: Path, beat: Heartbeat | None, now: datetime) -> dict[str, Any]:
    """How the daemon of a state folder is.

    state: see heartbeat.Life. words: empty where it runs as it should. process: who holds the
    store, None for nobody; since, looked_at, next_at: when it was seen last, when it last looked
    and when it means to look again, None before.
    """
    known = True
    try:
        process = holder_of(state / LOCK)
    except OSError:
        process, known = None, False  # no locks here: the heartbeat has to do
    held = (process is not None) if known else None
    life = life_of(beat, held=held, now=now)
    return {
        "state": life.value,
        "words": sentence_of(life, beat, now),
        "process": process,
        "since": beat.last_at.isoformat() if beat else None,
        "looked_at": beat.looked_at.isoformat() if beat and beat.looked_at else None,
        "next_at": beat.next_at.isoformat() if beat else None,
    }


def incident_rows(store: Store) -> Rows:
    """What does not work now: source, kind, words, since, last_at, count; the oldest first."""
    return [
        {
            "source": incident.reason.source.value,
            "kind": incident.reason.kind,
            "words": incident.reason.words,
            "since": incident.since.isoformat(),
            "last_at": incident.last_at.isoformat(),
            "count": incident.count,
        }
        for incident in store.open_incidents()
    ]


def incident_line(row: Mapping[str, Any]) -> str:
    """One of `incident_rows` for a person."""
    return (
        f"does not work: {row['source']}, since {row['since'][:16]}, {row['count']} attempts: "
        f"{row['words']}"
    )


def running_progress(run: RunFolder) -> dict[str, Any] | None:
    """How far a run is; None where no process works in it: then it is not on its way."""
    try:
        if run.holder() is None:
            return None
    except OSError:
        return None
    progress = run.read_progress()
    return None if progress is None else progress.model_dump(mode="json")
