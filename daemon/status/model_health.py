"""The status: the daemon's process, what does not work, and inputs that could not be used."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.domain import Source
from daemon.insight.person_names import Mention, PersonName
from daemon.insight.view_model import Count, Timestamp, ViewModel
from daemon.rules.heartbeat import Liveness


class DaemonState(ViewModel):
    """Whether a daemon works on this state folder."""

    state: Liveness
    """How the daemon is. "silent": a process holds the store, and its last tick is long ago;
    "dead": it was killed, or the machine went down."""
    words: str
    """The same as a sentence with what to do; empty where the daemon runs as it should."""
    process: int | None
    """Process id of the holder of the store; null for nobody, or where locks cannot be read."""
    since: Timestamp | None
    """When the daemon was last seen alive; null before its first start."""
    looked_at: Timestamp | None
    """When its last complete tick ended; null before the first."""
    next_at: Timestamp | None
    """When it means to tick again; null before its first start."""


def incident_line(source: str, since: str, count: int, words: str) -> str:
    """An incident for a person. since: ISO 8601; count: failed attempts."""
    return f"does not work: {source}, since {since[:16]}, {count} attempts: {words}"


class Incident(ViewModel):
    """Something that does not work now, such as an outage of the labeling tool."""

    source: Source
    """What does not work, such as "labeling tool"."""
    kind: str
    """Kind of the fault; incidents of the same source and kind are one."""
    words: str
    """The newest error message."""
    since: Timestamp
    """When it began."""
    last_at: Timestamp
    """When it failed last."""
    count: Count
    """How many attempts failed."""

    def line(self) -> str:
        """The same in one line, for a person."""
        return incident_line(self.source, self.since, self.count, self.words)


class QuarantinedInput(ViewModel):
    """An image or a mask that could not be used; the loop goes on without it."""

    place: str
    """Where it came from, such as "annotation 3 of task 7"."""
    got: str
    """What came."""
    expected: str
    """What should have come."""
    cure: str
    """What to do about it."""
    at: Timestamp
    """When it came."""
    state: str
    """What became of it: "open", "asked again", "replaced", "mended" or "given up"
    (daemon/README.md, "Answers that cannot be used")."""
    image: str | None
    """Name of the image; null where it is unknown."""
    image_id: int | None = None
    """Number of the image in the store; null where it is unknown."""

    def line(self) -> str:
        """The same in one line, for a person."""
        image = f" ({self.image})" if self.image else ""
        state = "" if self.state == "open" else f", {self.state}"
        return (
            f"quarantined{state}: {self.place}{image}: got {self.got}; "
            f"expected {self.expected}; {self.cure}"
        )


class MaskNote(ViewModel):
    """A label that is used, with what was repaired when its mask was read."""

    place: str
    """Which annotation, such as "annotation 3 of task 7"."""
    image: str
    """Name of the image."""
    at: Timestamp
    """When the annotation was last changed."""
    notes: tuple[str, ...]
    """What was repaired, a sentence each."""


class Event(ViewModel):
    """A line of the log that is kept in the store."""

    at: Timestamp
    """When it happened."""
    level: str
    """"info", "warning" or "error"."""
    words: Mention
    """What happened."""


class DuplicateLabel(ViewModel):
    """An image that several people labeled. One label counts; the others are kept."""

    image_id: int
    """Number of the image in the store."""
    image: str
    """Name of the image."""
    people: Count
    """How many people labeled it."""
    answers: Count
    """How many labels it has."""
    annotator: PersonName
    """Whose label counts; with a majority, who labeled it last."""


class DuplicateLabels(ViewModel):
    """Images that several people labeled; each is one label of the budget."""

    images: Count
    """How many images."""
    listed: tuple[DuplicateLabel, ...]
    """The newest of them, newest first."""
    by_majority: bool = False
    """Whether their labels are the majority of all answers. Absent where they are not."""


class UnusedFile(ViewModel):
    """A file of the image folder that is not used."""

    path: str
    """Its path below the image folder."""
    reason: str
    """Why it is not used."""
    got: str
    """What was found in it; empty where the reason says all."""
    cure: str
    """What to do about it."""


class UnusedFiles(ViewModel):
    """Files of the image folder that are not used."""

    missed: Count
    """How many of them somebody may expect to be used."""
    counts: Mapping[str, Count]
    """Reason -> number of files."""
    named: tuple[UnusedFile, ...]
    """Some of the files; first those that somebody may expect to be used."""
