"""What a lead reads first: faults in plain words, the events that matter, people, and whether to go
on. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.domain import Source
from daemon.insight.outlook import advice
from daemon.insight.stop_advice import StopAdvice
from daemon.status.model import Status
from daemon.status.model_health import Event, Incident
from daemon.web.pages.curve import next_batch
from daemon.web.people import person

SHOWN_ALARMS = 3  # events that are warnings or errors, the newest
SHOWN_EVENTS = 5  # with the others, the newest

_UNAVAILABLE = (
    "The labeling tool does not answer. What people label stays there, and the loop goes on by "
    "itself when it is back: start it, or look at the network."
)
_REFUSED = (
    "The labeling tool refuses what Maskloop asks. Somebody has to change that: look at the token "
    "and at the project; `maskloop check` says which."
)
_WORDS: Mapping[Source, str] = {
    Source.TOOL: _REFUSED,
    Source.RUN: "A training or scoring process failed. It is tried again; no label is lost.",
    Source.DISK: "The disk is full. The loop waits until there is space.",
    Source.INTAKE: "What came in could not be read. No label is lost.",
    Source.CONFIG: "config.toml cannot be used. Correct it; the daemon reads it again by itself.",
    Source.STORE: "The store cannot be used. The loop waits.",
    Source.OTHER: "The daemon met a fault. It tries again.",
}


@dataclass(frozen=True, kw_only=True)
class FoldedEvents:
    """The events that are shown at once, and those that are folded away; newest first. warnings:
    how many of the folded ones are warnings or errors."""

    shown: tuple[Event, ...]
    folded: tuple[Event, ...]
    warnings: int


def incident_words(incident: Incident) -> str:
    """What does not work, what that means for people, and what to do."""
    if incident.source is Source.TOOL and incident.kind != "ConnectorRefused":
        return _UNAVAILABLE
    return _WORDS[incident.source]


def folded_events(events: Sequence[Event]) -> FoldedEvents:
    """Warnings come before the others that happen all the time; what repeats is shown once."""
    newest: dict[tuple[str, str], Event] = {}
    for event in events:
        newest.setdefault((event.level, event.message), event)
    distinct = list(newest.values())
    alarms = [event for event in distinct if event.level != "info"][:SHOWN_ALARMS]
    others = [event for event in distinct if event.level == "info"]
    shown = (*alarms, *others[: SHOWN_EVENTS - len(alarms)])
    folded = tuple(event for event in distinct if event not in shown)
    warnings = sum(event.level != "info" for event in folded)
    return FoldedEvents(shown=shown, folded=folded, warnings=warnings)


def labels_by_person(status: Status) -> list[tuple[str, int, int]]:
    """Who labeled how many images of the newest batch, and has begun how many open ones; most
    labels first."""
    images = status.batch.images if status.batch else ()
    labeled = Counter(image.annotator for image in images if image.annotator)
    held = Counter(task.annotator for task in status.held)
    rows = [
        (person(one, status.people), labeled[one], held[one])
        for one in labeled.keys() | held.keys()
    ]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def going_on(status: Status) -> StopAdvice:
    """Whether more labels are worth their work, as the page of the curve says it."""
    return advice(status.curve[0], status.newest, next_batch(status))
