"""The JSON files of a training of the click network (daemon/hrda/click_net)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from daemon.runs.records import FileFault, FileRole, LabeledFile, Record, Request


class ClickFile(LabeledFile):
    """A labeled image. prior: PNG of its PriorMap (8 bits, stride 4) by a model that did not learn
    from this label, else the network learns to copy it; None without."""

    prior: Path | None = None


def _validation(files: tuple[ClickFile, ...]) -> tuple[ClickFile, ...]:
    return tuple(one.model_copy(update={"role": FileRole.VALIDATION}) for one in files)


class TrainClicksRequest(Request):
    """Train a click network on people's labels, and compare it with the engine that serves.

    teacher: a checkpoint whose encoder it starts from, where it has the same. parent: the last
    click network, for the rest. serving: the click network that serves; None: `prior_walk` does.
    iterations, max_seconds: the training ends with the first of both; seconds of processor time, so
    that a busy machine learns as much. crop_px: side of what the network sees. judged_objects: of
    validation images, at which both engines are measured. niceness: of the process, as nice(1).
    """

    kind: Literal["train-clicks"] = "train-clicks"
    labeled: tuple[ClickFile, ...]
    validation: Annotated[tuple[ClickFile, ...], AfterValidator(_validation)] = ()
    teacher: Path | None = None
    parent: Path | None = None
    serving: Path | None = None
    iterations: int = Field(default=4000, ge=1)
    max_seconds: float | None = Field(default=None, gt=0)
    minibatch: int = Field(default=8, ge=1, le=256)
    crop_px: int = Field(default=160, ge=32, le=1024, multiple_of=32)
    judged_objects: int = Field(default=40, ge=0, le=1000)
    niceness: int = Field(default=0, ge=0, le=19)


class EngineFigures(Record):
    """How an engine does on the validation objects, by simulated clicks.

    noc85: mean number of clicks to an IoU of 0.85, 20 where never. never85: objects that never
    reach it. iou1, iou3: mean of the best IoU within so many clicks. ms: median of an answer.
    """

    objects: int
    noc85: float
    never85: int
    iou1: float
    iou3: float
    ms: float


class PairedGap(Record):
    """The new engine minus the serving one, over the same objects, with a 95 % interval."""

    mean: float
    low: float
    high: float


class ClickTrial(Record):
    """Whether the new network may serve. engine: the one that served. why: one sentence."""

    engine: str
    serves: bool
    why: str
    new: EngineFigures | None = None
    old: EngineFigures | None = None
    noc85: PairedGap | None = None
    iou1: PairedGap | None = None


class TrainClicksResult(Record):
    """result.json of a training of the click network; checkpoint.pth stands beside it.

    labels: images that it learned from. objects: in them. seconds: it took. cpu_seconds: of the
    training alone. losses: means of the last tenth of the iterations, by name.
    """

    labels: int
    objects: int
    iterations: int
    seconds: float
    cpu_seconds: float
    losses: Mapping[str, float] = {}
    trial: ClickTrial
    faults: tuple[FileFault, ...] = ()


class ServingClicks(Record):
    """Which click network answers clicks. run: name of its folder, "" for none: prior_walk does.
    cycle: of the newest trial, which `trial` is. labels: from which the newest network learned."""

    run: str = ""
    cycle: int
    labels: int
    trial: ClickTrial
