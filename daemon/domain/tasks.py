"""Tasks: the images that annotators are asked to label, from the outbox to the answer."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from daemon.domain.faults import printable
from daemon.domain.images import Image
from daemon.domain.predictions import KeptPrediction, Prediction

ANNOTATOR_CHARS = 200  # of each half of a refusal that annotators read
VALIDATION_ARM = "validation"


class TaskState(enum.StrEnum):
    """Where a task stands."""

    OPEN = "open"
    LABELED = "labeled"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    DELETED = "deleted"
    UNUSABLE = "unusable"  # its answer cannot be used; another task asks again, or none does
    WITHDRAWN = "withdrawn"  # asked again in vain: the first answer was corrected meanwhile
    RETIRED = "retired"  # taken back, the budget is spent; may be asked again when it is raised


@dataclass(frozen=True, kw_only=True)
class RefusedAnswer:
    """Why the last answer about an image could not be used, so that the image is asked again."""

    got: str
    expected: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One image in front of the annotators.

    id: the labeling tool's. cycle: that asked. arm: "validation", "random" or the strategy's name.
    reason: why this image was chosen. refused: the answer for which it is asked again, or None.
    position: 0-based over all open tasks, lower is sooner. closed_at: also set, with the state
    `OPEN`, where a closed task is open again and is not in order yet.
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

    @property
    def measures(self) -> bool:
        """Whether the image is for validation."""
        return self.arm == VALIDATION_ARM

    @property
    def words(self) -> str:
        """What annotators read: why this image."""
        return words_of(self.reason, self.refused)


@dataclass(frozen=True, kw_only=True)
class QueuedTask:
    """An image on its way into a task. needs_new_task: see TaskRequest; all else: see Task."""

    image_id: int
    position: int
    arm: str
    reason: str
    needs_new_task: bool = False
    refused: RefusedAnswer | None = None

    @property
    def words(self) -> str:
        """What annotators read: why this image."""
        return words_of(self.reason, self.refused)


@dataclass(frozen=True, kw_only=True)
class Push:
    """A chunk of tasks that is to be sent to the labeling tool, or was.

    key: names it in the labeling tool for ever. version: of the predictions that it shows.
    """

    key: str
    cycle: int
    version: str
    tasks: tuple[QueuedTask, ...]


@dataclass(frozen=True, kw_only=True)
class TaskRequest:
    """What the labeling tool is to show for one image.

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


def words_of(reason: str, refused: RefusedAnswer | None) -> str:
    """Why an image is asked, for annotators: first what to do otherwise this time."""
    if refused is None:
        return reason
    got, expected = (printable(part, ANNOTATOR_CHARS) for part in (refused.got, refused.expected))
    return (
        f"Asked again: the last mask could not be used (got {got}; expected {expected}). "
        f"Please draw it again. {reason}"
    )
