"""What is said in the JSON files of a run folder (runs.py), checked by type and name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.domain import Evaluation


class Record(BaseModel):
    """A JSON file of a run: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ImageFile(Record):
    """An image by its id in the store and its file."""

    id: int
    image: Path


class LabeledFile(ImageFile):
    """An image with its mask: an 8-bit PNG of class indices, 255 = ignore."""

    mask: Path


class Request(Record):
    """What every run is told.

    classes: names by pixel value, background first. device: "auto", "cpu", "cuda", "cuda:1".
    threads: 0 = as many as the machine has. settings: the learner's own, by name;
    it refuses those that it does not know.
    """

    classes: tuple[str, ...]
    device: str = "auto"
    threads: int = 0
    seed: int = 0
    settings: Mapping[str, Any] = {}


class EmbedRequest(Request):
    """Embed images with the ImageNet encoder, before there is any model."""

    kind: Literal["embed"] = "embed"
    images: tuple[ImageFile, ...]


class DistinctRequest(Request):
    """Find the images that stand for those that are like them, by their embeddings.

    embeddings: scores.npz of embed runs; of an image that several hold the last one counts.
    candidates: ids to choose from. asked: ids that candidates must not be like. similarity: the
    cosine from which two images are too much alike, in [0, 1].
    """

    kind: Literal["near-duplicates"] = "near-duplicates"
    embeddings: tuple[Path, ...]
    candidates: tuple[int, ...]
    asked: tuple[int, ...]
    similarity: float


class TrainRequest(Request):
    """Train on labeled and unlabeled images, then evaluate on validation.

    parent: the previous cycle's checkpoint to start from; None starts from ImageNet weights.
    max_seconds: turned once, by a few timed iterations, into a number of iterations that takes
    the place of the setting; None leaves the setting. keep_student: leave and measure the
    student too, where the teacher is what is kept.
    """

    kind: Literal["train"] = "train"
    labeled: tuple[LabeledFile, ...]
    validation: tuple[LabeledFile, ...] = ()
    unlabeled: tuple[ImageFile, ...] = ()
    parent: Path | None = None
    max_seconds: float | None = Field(default=None, gt=0)
    keep_student: bool = False


class PredictRequest(Request):
    """Use a checkpoint: score images, write masks, measure on images with a mask.

    temperature: found on validation, tried on the test images. student: another checkpoint
    that is measured on them, with its own temperature.
    """

    kind: Literal["predict"] = "predict"
    checkpoint: Path
    score: tuple[ImageFile, ...] = ()
    masks: tuple[ImageFile, ...] = ()
    test: tuple[LabeledFile, ...] = ()
    temperature: float | None = Field(default=None, gt=0)
    student: Path | None = None
    student_temperature: float | None = Field(default=None, gt=0)


class TrainResult(Record):
    """What a training leaves in result.json, beside checkpoint.pth.

    validation: of the model in the checkpoint (the teacher). student: of the other one, where it
    was kept. counters: e.g. skipped steps. peak_memory_bytes: resident, of the process.
    """

    validation: Evaluation | None
    student: Evaluation | None = None
    iterations: int
    seconds: float
    settings: Mapping[str, Any] = {}
    counters: Mapping[str, float] = {}
    versions: Mapping[str, str] = {}
    peak_memory_bytes: int | None = None
    peak_gpu_memory_bytes: int | None = None


class PredictResult(Record):
    """What predict and embed leave in result.json. confidence: image id -> class -> [0, 1]."""

    images: int
    seconds: float
    test: Evaluation | None = None
    student: Evaluation | None = None
    confidence: Mapping[int, Mapping[str, float]] = {}


class Failure(BaseModel):
    """A failure that the process could still put into words, in error.json.

    image_id: the image that cannot be used, where that is the reason.
    """

    kind: str
    message: str
    image_id: int | None = None


class Progress(Record):
    """A sign of life. losses: by name, of the last iteration. eta_s: None while unknown."""

    phase: str
    step: int
    steps: int
    eta_s: float | None = None
    seconds_per_step: float | None = None
    losses: Mapping[str, float] = {}
