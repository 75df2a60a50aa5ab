"""The JSON files of a run folder (run_folder.py) as models: types, names and ranges are checked."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from daemon.domain import Evaluation, Missing, Pick


class Record(BaseModel):
    """A JSON file of a run: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FileRole(enum.StrEnum):
    """What a run needs a file for. Ids of TEST are positions in the test set; all others are ids of
    the store."""

    POOL = "pool"
    LABELED = "labeled"
    VALIDATION = "validation"
    TEST = "test"


class FilePart(enum.StrEnum):
    """One of the two files of a labeled image."""

    IMAGE = "image"
    MASK = "mask"


class ImageFile(Record):
    """An image by its id and its file. Ids are unique within a role only."""

    id: int
    image: Path
    role: FileRole = FileRole.POOL


class LabeledFile(ImageFile):
    """An image with its mask: an 8-bit PNG of class indices, 255 = ignore.

    group: name of the group that the image belongs to (a video, a field); "" for none.
    """

    mask: Path
    role: FileRole = FileRole.LABELED
    group: str = ""


AnyFile = TypeVar("AnyFile", bound=ImageFile)


def _with_role(role: FileRole) -> Callable[[tuple[AnyFile, ...]], tuple[AnyFile, ...]]:
    """A validator that gives files the role of their field in a request."""

    def give(files: tuple[AnyFile, ...]) -> tuple[AnyFile, ...]:
        return tuple(
            one if one.role is role else one.model_copy(update={"role": role}) for one in files
        )

    return give


class FileFault(Record):
    """A file that a run could not use and left out. FileRole says what `id` means."""

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
    """What every request holds.

    classes: names by pixel value, background first. device: "auto", "cpu", "cuda", "cuda:1".
    threads: CPU threads, 0 = all. settings: of the learner, by name; unknown ones
    are refused.
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


class FeaturesRequest(Request):
    """Dense features by the ImageNet encoder, for the probe. stride: pixels along a side of a cell.
    channels: numbers a cell. seed: of the cells to which the projection on them is fitted."""

    kind: Literal["features"] = "features"
    classes: tuple[str, ...] = ()
    images: tuple[ImageFile, ...]
    stride: Literal[8] = 8
    channels: int = Field(default=64, ge=1)


class DistinctRequest(Request):
    """Find the images that represent their near-duplicates, by their embeddings.

    embeddings: scores.npz of embed runs; where several hold an image, the last one counts.
    candidates: ids to choose from. asked: ids that candidates must not be similar to. similarity:
    the smallest cosine similarity of near-duplicates, in [0, 1].
    """

    kind: Literal["near-duplicates"] = "near-duplicates"
    embeddings: tuple[Path, ...]
    candidates: tuple[int, ...]
    asked: tuple[int, ...]
    similarity: float


class TrainingSignals(Record):
    """What trainings say that strategies may go by; see `strategies.base.Signals`."""

    cycle: int
    classes: tuple[str, ...]
    labels: int
    class_labels: tuple[int, ...]
    temperature: float | None = None
    calibration_error: float | None = None
    validation_interval: tuple[float, float] | None = None


class SelectRequest(Record):
    """Choose images to label: with the lists of ids (id_lists.py) all that the choice depends on.

    strategy, settings: its name, and its settings by name. seed, cycle: of the random generator.
    n: images of the batch. reserve: further images behind it. random_share: of the n images, drawn
    uniformly, in [0, 1]. similarity: the smallest cosine similarity of near-duplicates, in [0, 1].
    scores: name of the run folder, beside this one, whose scores are read; None: there is no model
    yet. signals: what the trainings say, for strategies that go by it. embedded: names of the embed
    runs, oldest first; where several hold an image, the last one counts. compared: name of the run
    that found the near-duplicates; None: the daemon did itself.
    """

    kind: Literal["select"] = "select"
    cycle: int = Field(ge=0)
    strategy: str
    settings: Mapping[str, Any] = {}
    seed: int
    n: int = Field(ge=0)
    reserve: int = Field(ge=0)
    random_share: float = Field(ge=0, le=1)
    similarity: float
    scores: str | None = None
    signals: TrainingSignals | None = None
    embedded: tuple[str, ...] = ()
    compared: str | None = None


class TrainRequest(Request):
    """Train on labeled and unlabeled images, then evaluate on validation.

    parent: the checkpoint of the previous cycle to start from; None starts from ImageNet weights.
    parent_classes: present names of the parent's classes, in its order; None: unchanged.
    max_seconds: a time limit, turned into a number of iterations once; None: `iterations` counts.
    keep_student: keep and measure the student too. previews: of so many images small predictions
    are kept on the way, and, if not 0, masks of validation images at the end. niceness: nice(1).
    """

    kind: Literal["train"] = "train"
    labeled: Annotated[tuple[LabeledFile, ...], AfterValidator(_with_role(FileRole.LABELED))]
    validation: Annotated[
        tuple[LabeledFile, ...], AfterValidator(_with_role(FileRole.VALIDATION))
    ] = ()
    unlabeled: Annotated[tuple[ImageFile, ...], AfterValidator(_with_role(FileRole.POOL))] = ()
    parent: Path | None = None
    parent_classes: tuple[str, ...] | None = None
    max_seconds: float | None = Field(default=None, gt=0)
    keep_student: bool = False
    previews: int = Field(default=0, ge=0, le=16)
    niceness: int = Field(default=0, ge=0, le=19)


class PredictRequest(Request):
    """Use a checkpoint: score images, write masks, measure on images with a mask.

    priors: with each mask a prior map (prior_maps.py). temperature: fitted on validation, for the
    scores, priors and test images. student: another checkpoint, with its own: it is measured on the
    test images, scores say where the two disagree. test_missing: why a set is not in `test`.
    """

    kind: Literal["predict"] = "predict"
    checkpoint: Path
    score: tuple[ImageFile, ...] = ()
    masks: tuple[ImageFile, ...] = ()
    priors: bool = False
    test: Annotated[tuple[LabeledFile, ...], AfterValidator(_with_role(FileRole.TEST))] = ()
    test_missing: Missing | None = None
    temperature: float | None = Field(default=None, gt=0)
    student: Path | None = None
    student_temperature: float | None = Field(default=None, gt=0)


class TrainResult(Record):
    """result.json of a training; checkpoint.pth stands beside it.

    validation: the evaluation of the checkpoint (the teacher). student: that of the student, where
    it was kept. counters: counts of rare events, as skipped steps. peak_memory_bytes: resident set
    of the process. faults: files that it left out. labeled_holding: class name -> number of labeled
    images that hold the class. labeled_ignored: share of their pixels that are 255, in [0, 1].
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
    """result.json of predict and embed.

    images: number of images that were used. confidence: image id -> class -> value in [0, 1].
    sha256: id of a test image that was embedded -> digest of its file, 64 hex digits. faults: files
    that were left out; they have no row in scores.npz and no mask.
    """

    images: int
    seconds: float
    test: Evaluation | None = None
    student: Evaluation | None = None
    confidence: Mapping[int, Mapping[str, float]] = {}
    sha256: Mapping[int, str] = {}
    faults: tuple[FileFault, ...] = ()


class ChosenRegime(Record):
    """In which regime a strategy chose; see `strategies.base.Regime`."""

    name: str
    why: str
    measures: Mapping[str, float] = {}


class SelectResult(Record):
    """result.json of a choice. picks: the batch and its reserve, best first. regime: of the
    strategy, None for one that has none. files: run folder and file that were read -> sha256, 64
    hex digits. versions: name of a package -> its version. seconds: it took."""

    picks: tuple[Pick, ...]
    regime: ChosenRegime | None = None
    files: Mapping[str, str]
    versions: Mapping[str, str]
    seconds: float


class Failure(BaseModel):
    """error.json: why a process failed.

    faults: the files that it cannot use, each with its role, where they are the reason.
    """

    kind: str
    message: str
    faults: tuple[FileFault, ...] = ()


class Progress(Record):
    """progress.json. losses: of the last iteration, by name. eta_s: until the end, if known."""

    phase: str
    step: int
    steps: int
    eta_s: float | None = None
    seconds_per_step: float | None = None
    losses: Mapping[str, float] = {}
