"""What the loop asks of people: stages, tasks, predictions, picks, the budget."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from daemon.domain.annotations import Mask
from daemon.domain.images import Image


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
