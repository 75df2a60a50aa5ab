"""The words of the loop, as frozen dataclasses; daemon/domain/evaluations.py has more.

Glossary: daemon/README.md. A mask is (height_px, width_px) uint8, one class index per
pixel; `IGNORE` (255) means "no label here" and is left out of every loss and metric.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.domain.corrections import ClassPixels as ClassPixels
from daemon.domain.corrections import CorrectedLabel as CorrectedLabel
from daemon.domain.corrections import Effort as Effort
from daemon.domain.corrections import Unmeasured as Unmeasured
from daemon.domain.evaluations import Calibration as Calibration
from daemon.domain.evaluations import CurvePoint as CurvePoint
from daemon.domain.evaluations import Evaluation as Evaluation
from daemon.domain.evaluations import Interval as Interval
from daemon.domain.evaluations import Missing as Missing
from daemon.domain.evaluations import Why as Why
from daemon.domain.faults import AnswerId as AnswerId
from daemon.domain.faults import Fault as Fault
from daemon.domain.prediction_version import PredictionVersion as PredictionVersion

Mask = npt.NDArray[np.uint8]
Clock = Callable[[], datetime]

IGNORE = 255
HINT_PATH = "/hint"  # of our page, where a labeling tool says "look now" ...
HINT_HEADER = "X-Maskloop-Secret"  # ... and shows that it may


class Stage(enum.StrEnum):
    """The stages of a cycle, in the order they run.

    Cycle 0 has no model: it embeds, selects and pushes. Later cycles embed what is new.
    """

    EMBED = "embed"
    TRAIN = "train"
    SCORE = "score"
    SELECT = "select"
    PREDICT = "predict"
    PUSH = "push"
    DONE = "done"

    def next(self) -> Stage:
        """The stage that follows this one; `DONE` follows itself."""
        stages = list(Stage)
        return stages[min(stages.index(self) + 1, len(stages) - 1)]


class Role(enum.StrEnum):
    """What an image is for. It is decided once, in cycle 0, or when the image arrives."""

    POOL = "pool"  # may be selected, and teaches without a label until then
    VALIDATION = "validation"  # measures the model, never trains it, never moves
    EXCLUDED = "excluded"  # see Exclusion


class Exclusion(enum.StrEnum):
    """Why an image is EXCLUDED. The first four are decided again whenever images arrive or a
    setting changes; an UNREADABLE one comes back when its file is whole again."""

    GROUP = "group"  # shares a group with a validation image
    NEAR_VALIDATION = "near_validation"
    TEST_CONTENT = "test_content"  # the same bytes as a test image
    NEAR_TEST = "near_test"
    COPY = "copy"  # the same bytes as another image, which stands for both
    UNREADABLE = "unreadable"  # a run could not use its file or its mask


class TaskState(enum.StrEnum):
    """Where one question to the annotators stands."""

    OPEN = "open"
    LABELED = "labeled"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    DELETED = "deleted"
    UNUSABLE = "unusable"  # answered with what cannot be used; asked again by another task, or not
    WITHDRAWN = "withdrawn"  # asked again in vain: the first answer was mended meanwhile
    RETIRED = "retired"  # taken back, the budget is spent; may be asked again when it is raised


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
class FoundImage:
    """An image as the labeling tool names it, before we have looked inside.

    key: the tool's stable name for it, unique in the project. uri: where its bytes are.
    task: the tool's task that shows it, where one exists already.
    """

    key: str
    name: str
    uri: str
    task: str | None = None


@dataclass(frozen=True, kw_only=True)
class Image:
    """One picture of the data set, labeled or not. `path` is a local file that was checked."""

    id: int
    key: str
    name: str
    uri: str
    path: Path
    height_px: int
    width_px: int
    sha256: str
    role: Role = Role.POOL


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A person's mask for one image; never a machine's.

    id and task are the tool's. created_at and updated_at are the tool's clock, with a zone.
    lead_time_s: seconds of work that the tool measured. notes: in words, what was made of the
    mask beyond reading it, such as cutting off what lay outside the image.
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
    shown: str | None = None  # version of the prediction that the person began with
    shown_empty: bool = False  # that prediction had no region: the page began empty
    notes: tuple[str, ...] = ()


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
    """What people did since a cursor. `cursor` is opaque; store it with the rows.

    deletions: annotation ids that are gone. lost_tasks: task ids that are gone.
    seen: changed task -> all annotation ids that it has now, so that others count as deleted.
    shows: changed task -> the key of its image, "" for none of ours.
    more: there are further changes already: memory bears no more masks at once.
    anew: everything is read from its beginning, so that every fault of a task comes again.
    """

    cursor: str
    more: bool = False
    anew: bool = False
    annotations: tuple[Annotation, ...] = ()
    skips: tuple[Skip, ...] = ()
    deletions: tuple[str, ...] = ()
    lost_tasks: tuple[str, ...] = ()
    seen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shows: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The model's mask for one image, to be corrected by a person.

    confidence: class name -> mean probability over the pixels given that class, in [0, 1].
    """

    image_id: int
    mask: Mask
    confidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KeptPrediction:
    """A prediction whose mask stays where it is kept until it is wanted: a batch of any size then
    takes the memory of those that are being encoded.

    read: reads the mask anew at each call.
    """

    image_id: int
    read: Callable[[], Mask]
    confidence: Mapping[str, float] = field(default_factory=dict)

    @property
    def mask(self) -> Mask:
        """(H, W); look once and let go."""
        return self.read()


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One image of a batch on its way to the annotators.

    position: 0-based, over all open tasks; lower is sooner. reason: why this image, in words.
    task: the tool's task, where it exists already. anew: an answer about this image could not be
    used, so it gets a task of its own beside the one that holds that answer.
    """

    image: Image
    position: int
    cycle: int
    reason: str
    prediction: Prediction | KeptPrediction | None = None
    task: str | None = None
    anew: bool = False


@dataclass(frozen=True, kw_only=True)
class Pick:
    """One image of a batch. rank: 0-based, most wanted first. arm: who chose it."""

    image_id: int
    rank: int
    arm: str  # "validation", "random" or the strategy's name
    reason: str


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How many images may be labeled in all, and how many have been (validation included)."""

    labels_total: int
    labels_spent: int

    @property
    def labels_left(self) -> int:
        """Never negative: annotators may label more than was asked."""
        return max(0, self.labels_total - self.labels_spent)
