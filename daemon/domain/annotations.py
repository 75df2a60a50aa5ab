"""What people did: masks they drew, images they skipped, and the classes a mask may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from daemon.domain.faults import Fault
from daemon.domain.unaccepted_masks import SubmittedClicks

Mask = npt.NDArray[np.uint8]  # (H, W): one class index a pixel
IGNORE = 255  # "no label here": left out of every loss and metric


@dataclass(frozen=True, kw_only=True)
class ClassSet:
    """The classes a mask may hold: the name at index i is pixel value i; 0 is background.

    unlabeled: the pixel value where nobody drew: 0, background; or IGNORE, and then background
    is drawn like any other class. renamed: old name -> present name, "" for a class that was
    taken out; answers that were drawn with an old name are still read.
    """

    names: tuple[str, ...]
    ignore_label: str = ""
    unlabeled: int = 0
    renamed: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def drawn(self) -> tuple[str, ...]:
        """The names that people draw with, the ignore label last."""
        names = self.names[1:] if self.unlabeled == 0 else self.names
        return (*names, self.ignore_label) if self.ignore_label else names

    def index(self, name: str) -> int | None:
        """The pixel value of a class or of the ignore label; None for an unknown name."""
        name = self.renamed.get(name, name)
        if not name:
            return IGNORE
        if self.ignore_label and name == self.ignore_label:
            return IGNORE
        return self.names.index(name) if name in self.names else None


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A person's mask for one image; never a machine's.

    id and task are the tool's. created_at and updated_at are the tool's clock, with a zone.
    lead_time_s: seconds of work that the tool measured. overlap_px: pixels that regions of two
    classes cover; None: the tool has no regions. notes: in words, each decision that was
    made while the mask was read, such as clipping a shape to the image.
    """

    id: str
    task: str
    image_key: str
    mask: Mask
    annotator: str
    updated_at: datetime
    created_at: datetime
    lead_time_s: float | None = None
    ground_truth: bool = False
    corrected: bool | None = None  # whether the shown prediction was changed; None: none was shown
    prediction_version: str | None = None  # of the prediction that the person began with
    shown_empty: bool = False  # that prediction had no region: the page began empty
    overlap_px: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Label:
    """The annotation that counts for an image, without its mask; fields as in Annotation."""

    id: str
    image_id: int
    annotator: str
    updated_at: datetime
    lead_time_s: float | None
    corrected: bool | None


@dataclass(frozen=True, kw_only=True)
class AnswerTime:
    """When a person answered, and how long it took. seconds: that the labeling tool measured; None
    where it measured none."""

    at: datetime
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class AnnotationNotes:
    """What was made of an annotation beyond reading it, in words. where: "annotation 3 of task 7".
    at: when it was edited last."""

    where: str
    image_name: str
    at: datetime
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DuplicateLabels:
    """An image that several people labeled; one of these labels counts. people: different ones.
    answers: labels in all."""

    image_id: int
    image_name: str
    people: int
    answers: int


@dataclass(frozen=True, kw_only=True)
class LostLabels:
    """Labels that the model of a cycle learned from or was measured with, and that count no more.

    deleted: people deleted them since. unconfirmed: their image was replaced since, and nobody
    has confirmed them. changed: somebody edited them since, or the mask of another person counts
    in their place, as after a correction or a second label.
    """

    deleted: int
    unconfirmed: int
    changed: int = 0


@dataclass(frozen=True, kw_only=True)
class Skip:
    """A person declined to label an image."""

    id: str
    task: str
    image_key: str
    annotator: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What people did since a cursor; one page of it.

    cursor: opaque; store it in the same transaction as the rows.
    has_more: the page is bounded by memory; call again with the cursor.
    is_full_read: the page is the first of a reading from the beginning, so every fault of a task
    that still exists is reported again.
    deletions: ids of deleted annotations. lost_tasks: ids of deleted tasks.
    annotation_ids: changed task -> ids of all annotations that it has now; an annotation that the
    store knows for this task and that is not among them was deleted.
    image_keys: changed task -> key of its image, "" where it shows no image of this project.
    clicks: of the smart tool, of the annotations of changed tasks that hold any.
    """

    cursor: str
    has_more: bool = False
    is_full_read: bool = False
    annotations: tuple[Annotation, ...] = ()
    skips: tuple[Skip, ...] = ()
    deletions: tuple[str, ...] = ()
    lost_tasks: tuple[str, ...] = ()
    annotation_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    image_keys: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    clicks: tuple[SubmittedClicks, ...] = ()
