"""What is said in the JSON files of a run folder (runs.py), checked by type and name."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from daemon.domain import Evaluation, Missing


class Record(BaseModel):
    """A JSON file of a run: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FileRole(enum.StrEnum):
    """What a run needs a file for. Ids of TEST are places in the test set; all others are the
    store's."""

    POOL = "pool"
    LABELED = "labeled"
    VALIDATION = "validation"
    TEST = "test"


class FilePart(enum.StrEnum):
    """Which of the two files of a labeled image."""

    IMAGE = "image"
    MASK = "mask"


class ImageFile(Record):
    """An image by its id and its file; an id means something within its role only."""

    id: int
    image: Path
    role: FileRole = FileRole.POOL


class LabeledFile(ImageFile):
    """An image with its mask: an 8-bit PNG of class indices, 255 = ignore.

    group: of images that were drawn together (a video, a field), "" where none are.
    """

    mask: Path
    role: FileRole = FileRole.LABELED
    group: str = ""


AnyFile = TypeVar("AnyFile", bound=ImageFile)


def _all_are(role: FileRole) -> Callable[[tuple[AnyFile, ...]], tuple[AnyFile, ...]]:
    """Gives files the role that their place in a request means."""

    def give(files: tuple[AnyFile, ...]) -> tuple[AnyFile, ...]:
        return tuple(
            one if one.role is role else one.model_copy(update={"role": role}) for one in files
        )

    return give


class FileFault(Record):
    """A file that a run could not use, and went on without. See FileRole for what `id` means."""

    role: FileRole
    id: int
    part: FilePart
    path: Path
    got: str
    expected: str
    cure: str = "restore the file"

    def __str__(self) -> str:
        of = "" if self.part is FilePart.IMAGE else f"{self.part} of "
        return (
            f"{of}{self.role} image {self.id}: {self.path}: got {self.got}; "
            f"expected {self.expected}; {self.cure}"
        )


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
    parent_classes: what the parent's classes are called now, in its order; None: as it says.
    max_seconds: turned once, by a few timed iterations, into a number of iterations that takes
    the place of the setting; None leaves the setting. keep_student: leave and measure the
    student too, where the teacher is what is kept.
    """

    kind: Literal["train"] = "train"
    labeled: Annotated[tuple[LabeledFile, ...], AfterValidator(_all_are(FileRole.LABELED))]
    validation: Annotated[
        tuple[LabeledFile, ...], AfterValidator(_all_are(FileRole.VALIDATION))
    ] = ()
    unlabeled: Annotated[tuple[ImageFile, ...], AfterValidator(_all_are(FileRole.POOL))] = ()
    parent: Path | None = None
    parent_classes: tuple[str, ...] | None = None
    max_seconds: float | None = Field(default=None, gt=0)
    keep_student: bool = False


class PredictRequest(Request):
    """Use a checkpoint: score images, write masks, measure on images with a mask.

    temperature: found on validation, tried on the test images. student: another checkpoint
    that is measured on them, with its own temperature. test_missing: why there is a test set and
    `test` is empty.
    """

    kind: Literal["predict"] = "predict"
    checkpoint: Path
    score: tuple[ImageFile, ...] = ()
    masks: tuple[ImageFile, ...] = ()
    test: Annotated[tuple[LabeledFile, ...], AfterValidator(_all_are(FileRole.TEST))] = ()
    test_missing: Missing | None = None
    temperature: float | None = Field(default=None, gt=0)
    student: Path | None = None
    student_temperature: float | None = Field(default=None, gt=0)


class TrainResult(Record):
    """What a training leaves in result.json, beside checkpoint.pth.

    validation: of the model in the checkpoint (the teacher). student: of the other one, where it
    was kept. counters: e.g. skipped steps. peak_memory_bytes: resident, of the process. faults:
    files that it went on without. labeled_holding: by class name, how many labeled images
    hold it. labeled_ignored: share of their pixels that are 255, in [0, 1].
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
    labeled_holding: Mapping[str, int] = {}
    labeled_ignored: float = 0.0
    faults: tuple[FileFault, ...] = ()


class PredictResult(Record):
    """What predict and embed leave in result.json.

    images: those that were used. confidence: image id -> class -> [0, 1]. sha256: of the files of
    test images that were embedded, by id, 64 hex digits. faults: files that it went on without;
    they have no row in scores.npz and no mask.
    """

    images: int
    seconds: float
    test: Evaluation | None = None
    student: Evaluation | None = None
    confidence: Mapping[int, Mapping[str, float]] = {}
    sha256: Mapping[int, str] = {}
    faults: tuple[FileFault, ...] = ()


class Failure(BaseModel):
    """A failure that the process could still put into words, in error.json.

    faults: the files that cannot be used, where that is the reason; each says its role, so that
    an id is never taken for that of another image.
    """

    kind: str
    message: str
    faults: tuple[FileFault, ...] = ()


class Progress(Record):
    """A sign of life. losses: by name, of the last iteration. eta_s: None while unknown."""

    phase: str
    step: int
    steps: int
    eta_s: float | None = None
    seconds_per_step: float | None = None
    losses: Mapping[str, float] = {}
