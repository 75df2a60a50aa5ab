"""What an experiment found, as typed records: choice.json, audit.json, run.json, report.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from daemon.runs.records import Record

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Interval = tuple[float, float]


class ImageMap(Record):
    """A map in which similar images are near each other. places: (x, y) by name."""

    method: str
    places: Mapping[str, tuple[float, float]]


class Choice(Record):
    """Which images are for what. labeled: best first; reasons: a sentence each, may be empty.
    pool: images that are learned from unlabeled; those that are labeled too are left out by each
    training. full: images of the pool with a mask. near_test: images of the pool that look like a
    test image. unreadable: files that were left out. words: what was measured and done.
    """

    labeled: tuple[str, ...]
    reasons: tuple[str, ...]
    pool: tuple[str, ...]
    full: tuple[str, ...]
    test: tuple[str, ...]
    near_test: Count
    unreadable: tuple[str, ...] = ()
    words: tuple[str, ...]
    map: ImageMap


class AuditFinding(Record):
    """A label that somebody should look at. score: the larger, the more suspicious. kind: of the
    suspected error; "" where an earlier release found it."""

    image: str
    words: str
    kind: str = ""
    score: float = 0.0


class AuditOutcome(Record):
    """What the audit of the labels did. words: a sentence; begins with "not done" where it was not.
    final: False where it is made up for once an audit is installed. findings: the most suspicious
    first."""

    done: bool
    final: bool = True
    words: str
    findings: tuple[AuditFinding, ...] = ()


class LossPoint(Record):
    """Losses of one iteration, by name."""

    iteration: Count
    losses: Mapping[str, float]


class DecidingImage(Record):
    """The test image without which the mIoU changes most. without: the mIoU of the others."""

    image: str
    without: Share


class ArmRun(Record):
    """One training of an arm, measured on the test images.

    miou, iou: None where it cannot be said, then reasons says why, by figure. miou_interval: 95 %
    over the test images of this one model, interval_words: from how many. image_miou: of each test
    image. deciding: None with fewer than two images. seconds, cpu_seconds: of the training.
    """

    arm: str
    method: str
    seed: Count
    train_labels: Count
    unlabeled: Count
    miou: Share | None
    iou: Mapping[str, Share | None]
    miou_interval: Interval | None = None
    interval_words: str = ""
    reasons: Mapping[str, str] = {}
    image_miou: Mapping[str, Share] = {}
    deciding: DecidingImage | None = None
    calibration_error: float | None = None
    iterations: Count
    seconds: Amount
    cpu_seconds: Amount
    test_seconds: Amount
    peak_memory_bytes: int | None = None
    peak_gpu_memory_bytes: int | None = None
    losses: tuple[LossPoint, ...] = ()
    faults: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}
    versions: Mapping[str, str] = {}


class ShownImage(Record):
    """A test image that the report shows. rule: "best", "median" or "worst"."""

    image: str
    rule: Literal["best", "median", "worst"]
    image_miou: Share


class StepFault(Record):
    """Why a part could not be done; the same command tries it again."""

    job: str
    message: str


class Found(Record):
    """All that was found. request: what it depends on, with hashes of the files and versions."""

    format: Literal[1] = 1
    classes: tuple[str, ...]
    request: Mapping[str, Any]
    complete: bool
    choice: Choice | None
    audit: AuditOutcome | None
    runs: tuple[ArmRun, ...]
    shown: tuple[ShownImage, ...] = ()
    faults: tuple[StepFault, ...] = ()
