"""What a simulation found, as typed records: the content of results.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from daemon.runs.records import Record

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class SimulatedPoint(Record):
    """One training of one run, measured on the test images.

    train_labels: images that it trained on. labels: with validation. miou, iou (class -> IoU): None
    where the class is absent from the truth. holding: class -> labeled training images that hold
    it. redundancy: share of the newest batch that is a near-duplicate of an earlier label or of a
    better ranked image of the batch; None for the first. iterations, seconds: of the training.
    picks: names of the images of the newest batch, best first.
    """

    cycle: Count
    train_labels: Count
    labels: Count
    miou: Share | None
    iou: Mapping[str, Share | None]
    validation_miou: Share | None = None
    holding: Mapping[str, Count] = {}
    redundancy: Share | None = None
    iterations: Count = 0
    seconds: Annotated[float, Field(ge=0)] = 0.0
    picks: tuple[str, ...] = ()


class SimulatedRun(Record):
    """One arm with one seed.

    arm: name of the strategy. seed: of the initial images, the validation images and the trainings;
    runs with one seed are pairs: they share the first point. replicate: 0 for the run itself; from
    1 on the same labels trained again with other training seeds (A/A).
    """

    arm: str
    seed: int
    replicate: Count = 0
    points: tuple[SimulatedPoint, ...]


class FullLabelPoint(Record):
    """A training on every labeled image of the training split. method: of the learner."""

    method: str
    seed: int
    train_labels: Count
    miou: Share | None
    iou: Mapping[str, Share | None]
    iterations: Count = 0
    seconds: Annotated[float, Field(ge=0)] = 0.0


class RunFault(Record):
    """Why a part of the simulation could not be done; the same command tries it again.

    job: its name in words. arm, seed, replicate: as in SimulatedRun; arm is "" for what all arms
    share, and the method for a training on all labels.
    """

    job: str
    arm: str = ""
    seed: int = 0
    replicate: Count = 0
    message: str


class Simulation(Record):
    """results.json. request: everything that the runs depend on (images, splits, arms, seeds,
    sizes, preset, settings, versions). complete: whether every run has all its points. faults: of
    the last start of the command."""

    format: Literal[1] = 1
    classes: tuple[str, ...]
    request: Mapping[str, Any]
    complete: bool
    runs: tuple[SimulatedRun, ...]
    full: tuple[FullLabelPoint, ...] = ()
    faults: tuple[RunFault, ...] = ()
