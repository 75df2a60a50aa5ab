"""Tasks: the images that annotators are asked to label, from the outbox to the answer."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from daemon.domain.faults import printable
from daemon.domain.images import Image
from daemon.domain.predictions import KeptPrediction, Prediction

ANNOTATOR_CHARS = 200  # of each of the two texts of a refusal that annotators read
VALIDATION_ARM = "validation"
PERSON_ARM = "person"  # a person asked for the image; no strategy and no random draw chose it


class TaskState(enum.StrEnum):
    """The state of a task."""

    OPEN = "open"
    LABELED = "labeled"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    DELETED = "deleted"
    UNUSABLE = "unusable"  # its annotation cannot be used; a second task may ask again
    WITHDRAWN = "withdrawn"  # a second task, not needed: the first annotation was corrected
    RETIRED = "retired"  # the budget is spent; may be asked again when it is raised


@dataclass(frozen=True, kw_only=True)
class RefusedAnswer:
    """Why the last annotation of an image could not be used, so that the image is asked again."""

    got: str
    expected: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One image in front of the annotators.

    id: the labeling tool's. cycle: the one that asked for it. arm: "validation", "random",
    "person" or the strategy's name. reason: why this image was selected. refused: the annotation
    because of which it is asked again, or None. position: 0-based over all open tasks, lower is
    sooner. closed_at: also set, with the state `OPEN`, if a closed task is open again and has no
    valid position yet. put_first: a person wants it answered before the others.
    """

    id: str
    image_id: int
    cycle: int
    arm: str
    reason: str
    position: int
    state: TaskState
    asked_at: datetime
    closed_at: datetime | None = None
    refused: RefusedAnswer | None = None
    put_first: bool = False

    @property
    def is_validation(self) -> bool:
        """Whether the image is a validation image."""
        return self.arm == VALIDATION_ARM

    @property
    def is_asked_by_person(self) -> bool:
        """Whether a person chose the image."""
        return self.arm == PERSON_ARM

    @property
    def words(self) -> str:
        """The text that annotators read above the image."""
        return annotator_text(self.reason, self.refused)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Unsubmitted work of somebody on an open task. since: when it was saved first."""

    task: str
    annotator: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class QueuedTask:
    """An image in the outbox. needs_new_task: see TaskRequest; other fields: see Task."""

    image_id: int
    position: int
    arm: str
    reason: str
    needs_new_task: bool = False
    refused: RefusedAnswer | None = None

    @property
    def words(self) -> str:
        """The text that annotators read above the image."""
        return annotator_text(self.reason, self.refused)


@dataclass(frozen=True, kw_only=True)
class Push:
    """A chunk of tasks in the outbox, sent to the labeling tool or not yet.

    key: identifies it in the labeling tool. version: of the predictions that its tasks show.
    """

    key: str
    cycle: int
    version: str
    tasks: tuple[QueuedTask, ...]


@dataclass(frozen=True, kw_only=True)
class TaskRequest:
    """A task that the labeling tool should create or update for an image.

    position: 0-based, over all open tasks; lower is sooner. reason: why this image, in words.
    task: the tool's task, where it exists already. needs_new_task: an earlier answer about this
    image could not be used, so a new task is made beside the one that holds that answer.
    """

    image: Image
    position: int
    cycle: int
    reason: str
    prediction: Prediction | KeptPrediction | None = None
    task: str | None = None
    needs_new_task: bool = False


def annotator_text(reason: str, refused: RefusedAnswer | None) -> str:
    """The text above an image for annotators: why it is asked (again)."""
    if refused is None:
        return reason
    got, expected = (printable(part, ANNOTATOR_CHARS) for part in (refused.got, refused.expected))
    return (
        f"Asked again: the last mask could not be used (got {got}; expected {expected}). "
        f"Please draw it again. {reason}"
    )
