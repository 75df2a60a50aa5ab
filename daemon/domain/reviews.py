"""Reviews: another person looks once more at a label in which an audit found something."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from daemon.domain.label_findings import Finding


class ReviewState(enum.StrEnum):
    """The state of a review.

    CONFIRMED: the reviewer left the places as they were. CORRECTED: changed one as the model
    proposed. OTHER: changed one in another way. WITHDRAWN: taken back without an answer.
    """

    OPEN = "open"
    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    OTHER = "other"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class ReviewRegion:
    """A part of the author's label, as a region of its own. value: class index. pixels: (H, W).
    score: how suspicious, in [0, 1]; None for the rest of a class. sentence: why; "" likewise."""

    value: int
    pixels: npt.NDArray[np.bool_]
    score: float | None = None
    sentence: str = ""


@dataclass(frozen=True, kw_only=True)
class ReviewRequest:
    """A task that another person should get. answers: finished annotations that it has now.
    position: 0-based among the reviews; lower is sooner. regions: disjoint, the author's label;
    None: an empty page, for a label that owes nothing to anybody else's."""

    task: str
    answers: int
    position: int
    regions: tuple[ReviewRegion, ...] | None


@dataclass(frozen=True, kw_only=True)
class Review:
    """One second look at the label of one image.

    annotation: the author's, which was the label when the review was opened. sha256: of its mask.
    answers: ids of all annotations that the task had then. places: what the audit found.
    version: of the predictions among which the label is shown; None: not yet sent to the labeling
    tool. answer: the reviewer's annotation; None without. words: why it was withdrawn, else "".
    outcomes: what the reviewer made of each place; empty without an answer, and where an earlier
    release kept none.
    """

    id: int
    image_id: int
    cycle: int
    task: str
    annotation: str
    sha256: str
    answers: tuple[str, ...]
    places: tuple[Finding, ...]
    state: ReviewState
    opened_at: datetime
    version: str | None = None
    closed_at: datetime | None = None
    answer: str | None = None
    words: str = ""
    outcomes: tuple[ReviewState, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskAnswer:
    """An annotation of a task, without its mask."""

    id: str
    annotator: str
    ground_truth: bool
