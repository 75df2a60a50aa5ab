"""The run folder: the only thing that the daemon and the training process share.

runs/0003-train/
    settings.json   the settings that the run depends on (daemon/stages/run_settings.py)
    request.json    what to do; written by the daemon before the process starts
    lock            locked (flock) by the process for as long as it lives
    progress.json   how far the process is; replaced about every second
    history.json    losses and figures over the iterations, see training_history.py (train only)
    previews/       small predictions on the way (train only), likewise
    validation/ID.png  predicted masks of validation images (train only), likewise
    finish          a person asks for the result now (train only)
    schedule.json   the number of iterations for `max_seconds` (train only)
    resume.pth      the state from which a killed training continues (train only)
    checkpoint.pth  the model (train only)
    student.pth     its student, where it is kept (train only)
    rows.bin        the scores so far (embed and predict, until their end)
    scores.npz      per-image arrays, see `Scores` (embed and predict)
    cells.npy       dense features (features only; daemon/hrda/probe/feature_file.py)
    ids.npz         the images of a choice (select only), see id_lists.py
    receipt.json    what a choice was computed from, and its picks (select only), see receipts.py
    coordinates.npz points on the map (map only), see map_files.py
    kept.npy        ids of the images that represent their near-duplicates (near-duplicates)
    masks/ID.png    predicted masks, (H, W) class indices (predict only)
    priors/ID.png   prior maps for clicks (predict only, where asked), see prior_maps.py
    shown.json      the settings by which the daemon cleans these masks for people
    model/          the files of a model for others (export only), see model_card.py
    address.json    where the process listens (serve only)
    error.json      why the process failed, where it could still write that
    result.json     written last: a run without it has not finished
    log.txt         everything that the process printed
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from daemon.domain.errors import RunFailed
from daemon.runs.durable import atomic_file, write_json
from daemon.runs.locks import LockHeld, holder_of, lock_file
from daemon.runs.records import (
    DistinctRequest,
    EmbedRequest,
    Failure,
    FeaturesRequest,
    FileFault,
    FilePart,
    FileRole,
    ImageFile,
    LabeledFile,
    PredictRequest,
    PredictResult,
    Progress,
    Record,
    Request,
    SelectRequest,
    SelectResult,
    TrainRequest,
    TrainResult,
)
from daemon.runs.score_columns import mapped_columns, write_columns

__all__ = [
    "DistinctRequest",
    "EmbedRequest",
    "Failure",
    "FeaturesRequest",
    "FileFault",
    "FilePart",
    "FileRole",
    "ImageFile",
    "LabeledFile",
    "PredictRequest",
    "PredictResult",
    "Progress",
    "Record",
    "Request",
    "RunFolder",
    "Scores",
    "SelectRequest",
    "SelectResult",
    "TrainRequest",
    "TrainResult",
]


AnyRecord = TypeVar("AnyRecord", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Per-image arrays of a run; row i of each belongs to ids[i].

    ids: (N,) int64. embeddings: (N, D) float32, L2-normalised. After `predict` also
    uncertainty: (N,) float32 in [0, 1], mean normalised entropy of the most uncertain 5 % of
    the pixels; class_share: (N, C) float32, share of pixels predicted as each class; and, unless
    an earlier release wrote the file, the measures that `strategies.base.Pool` describes.
    """

    ids: npt.NDArray[np.int64]
    embeddings: npt.NDArray[np.float32]
    uncertainty: npt.NDArray[np.float32] | None = None
    class_share: npt.NDArray[np.float32] | None = None
    margin: npt.NDArray[np.float32] | None = None
    least_confidence: npt.NDArray[np.float32] | None = None
    foreground_uncertainty: npt.NDArray[np.float32] | None = None
    class_uncertainty: npt.NDArray[np.float32] | None = None
    scale_disagreement: npt.NDArray[np.float32] | None = None
    teacher_disagreement: npt.NDArray[np.float32] | None = None
    objects: npt.NDArray[np.float32] | None = None
    border: npt.NDArray[np.float32] | None = None
    foreground_embeddings: npt.NDArray[np.float32] | None = None
    gradients: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class RunFolder:
    """The files of one run: their names, and how they are read and written."""

    path: Path

    @property
    def request_file(self) -> Path:
        """What to do."""
        return self.path / "request.json"

    @property
    def settings_file(self) -> Path:
        """The settings with which the run was asked."""
        return self.path / "settings.json"

    @property
    def progress_file(self) -> Path:
        """How far the process is."""
        return self.path / "progress.json"

    @property
    def result_file(self) -> Path:
        """The result, written last."""
        return self.path / "result.json"

    @property
    def error_file(self) -> Path:
        """Why the process failed."""
        return self.path / "error.json"

    @property
    def checkpoint(self) -> Path:
        """The trained model."""
        return self.path / "checkpoint.pth"

    @property
    def student(self) -> Path:
        """The student, where it is kept beside the teacher."""
        return self.path / "student.pth"

    @property
    def resume(self) -> Path:
        """The state from which a killed training continues."""
        return self.path / "resume.pth"

    @property
    def schedule(self) -> Path:
        """The number of iterations for `max_seconds`."""
        return self.path / "schedule.json"

    @property
    def finish(self) -> Path:
        """There while a person asks a training to end at its next iteration."""
        return self.path / "finish"

    @property
    def scores_file(self) -> Path:
        """Per-image arrays, see `Scores`."""
        return self.path / "scores.npz"

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.path / "log.txt"

    def mask(self, image_id: int) -> Path:
        """The predicted mask of an image."""
        return self.path / "masks" / f"{image_id}.png"

    def finished(self) -> bool:
        """Whether the run has a result."""
        return self.result_file.exists()

    def write_request(self, request: Record) -> None:
        """Make the folder and its request; an existing request stays."""
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.request_file.exists():
            write_json(self.request_file, request.model_dump(mode="json"))

    def read_request(self, kind: type[AnyRecord]) -> AnyRecord:
        """The checked request. Raises RunFailed where it cannot be read."""
        return _read(self.request_file, kind)

    def write_result(self, result: Record) -> None:
        """Declare the run finished; everything else must be on disk before."""
        write_json(self.result_file, result.model_dump(mode="json"))

    def read_result(self, kind: type[AnyRecord]) -> AnyRecord:
        """The checked result. Raises RunFailed where it cannot be read."""
        return _read(self.result_file, kind)

    def write_progress(self, progress: Progress) -> None:
        """Replace the progress. Not fsynced: losing it costs nothing."""
        part = self.progress_file.with_suffix(".part")
        part.write_text(progress.model_dump_json())
        part.replace(self.progress_file)

    def read_progress(self) -> Progress | None:
        """The last progress; None before the first, and for a file that a power cut damaged."""
        try:
            return Progress.model_validate_json(self.progress_file.read_bytes())
        except (OSError, ValidationError):
            return None

    def read_error(self) -> Failure | None:
        """Why the process failed; None where it could not write that."""
        try:
            return Failure.model_validate_json(self.error_file.read_bytes())
        except (OSError, ValidationError):
            return None

    def write_scores(self, scores: Scores) -> None:
        """Write the arrays, whole or not at all."""
        arrays = {name: value for name, value in vars(scores).items() if value is not None}
        with atomic_file(self.scores_file) as part:
            write_columns(part, arrays)

    def read_scores(self) -> Scores:
        """The arrays of a finished run, read-only: mapped, so that only what is used is read.

        Raises RunFailed for a file that is damaged, or holds other arrays.
        """
        arrays = mapped_columns(self.scores_file)
        rows = {len(array) if array.ndim else 0 for array in arrays.values()}
        known = {field.name for field in fields(Scores)}
        if not {"ids", "embeddings"} <= set(arrays) <= known or len(rows) != 1:
            raise RunFailed(
                f"{self.scores_file}: holds {sorted(arrays)} of {sorted(rows)} rows; expected ids, "
                f"embeddings and other columns of Scores, of as many rows each; a later release "
                f"may have written it"
            )
        return Scores(**arrays)

    def read_ids(self) -> npt.NDArray[np.int64]:
        """The ids of these arrays alone: (N,). Raises RunFailed for a file that is damaged."""
        ids: npt.NDArray[np.int64] = mapped_columns(self.scores_file, ["ids"])["ids"]
        return ids

    def write_kept(self, ids: npt.NDArray[np.int64]) -> None:
        """Write the ids (N,) of the images that represent others, whole or not at all."""
        with atomic_file(self.path / "kept.npy") as part, part.open("wb") as file:
            np.save(file, ids)

    def read_kept(self) -> npt.NDArray[np.int64]:
        """The ids (N,) of the images that represent others, of a finished near-duplicates run."""
        kept: npt.NDArray[np.int64] = np.load(self.path / "kept.npy", allow_pickle=False)
        return kept

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for this process. Raises RunFailed while another process has it."""
        with ExitStack() as held:
            try:
                held.enter_context(lock_file(self.path / "lock"))
            except LockHeld as exc:
                raise RunFailed(
                    f"{self.path}: another process works in it; wait for its end"
                ) from exc
            yield

    def holder(self) -> int | None:
        """The id of the process that works in this folder; None for nobody."""
        return holder_of(self.path / "lock")


def _read(path: Path, kind: type[AnyRecord]) -> AnyRecord:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as exc:
        raise RunFailed(f"{path}: cannot be read as {kind.__name__}: {exc}") from exc
