"""`predict`: a checkpoint scores images, writes masks and is evaluated on the test set."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from PIL import Image as PillowImage

from daemon.domain import Evaluation, Mask, Missing, Why
from daemon.domain.errors import ConfigError, RunFailed
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.device import is_exported_in_bf16
from daemon.hrda.evaluation.evaluate import evaluate
from daemon.hrda.inference.object_prior import prior_of
from daemon.hrda.inference.score_file import ScoreFile, origin, row_dtype
from daemon.hrda.inference.scored_images import Columns, Scoring, columns_of
from daemon.hrda.inference.streaming import predictions_of, scores_of
from daemon.hrda.inference.whole_images import ImagePrediction
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.progress import ProgressReporter
from daemon.hrda.training.ready_model import ready_model
from daemon.runs.durable import atomic_file
from daemon.runs.prior_maps import prior_file, write_prior
from daemon.runs.run_folder import FileRole, ImageFile, PredictRequest, PredictResult, RunFolder

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3  # at the test images: a process that is killed there loses its scores


def predict(folder: RunFolder, request: PredictRequest) -> None:
    """Do what the request says, and leave the results in the folder.

    Raises ConfigError, ImageRefused, MaskRefused or RunFailed.
    """
    started_s = time.monotonic()
    net = model_of(request)
    reader = FileReader([*request.score, *request.masks, *request.test])
    if request.score:
        score(folder, net, request, reader)
    confidence = _masks(folder, net, request, reader)
    test = evaluate_test_set(folder, net, request, "test", reader, request.temperature)
    student = _student(folder, request, reader) if request.student else None
    faults = reader.faults()
    for file in folder.path.glob("*.attempts"):
        file.unlink()
    folder.write_result(
        PredictResult(
            images=len(request.score) + len(request.masks) + len(request.test) - len(faults),
            seconds=time.monotonic() - started_s,
            test=test,
            student=student,
            confidence=confidence,
            faults=faults,
        )
    )


def evaluate_test_set(
    folder: RunFolder,
    net: Segmentor,
    request: PredictRequest,
    phase: str,
    reader: FileReader,
    temperature: float | None,
) -> Evaluation | None:
    """The evaluation on the test images; None without a test set.

    The network computes as its exports do, on any machine, so that they deliver these figures. The
    rest of the run does not depend on them: a file that cannot be used, or a failure, gives an
    evaluation without figures that says why. Figures of the other files would not be comparable
    with those of earlier cycles.
    """
    if request.test_missing is not None:
        return Evaluation.absent(request.test_missing)
    if request.test and (ended := _attempts(folder, phase)) >= MAX_ATTEMPTS:
        words = f"the process ended {ended} times during the evaluation; memory may be short"
        return Evaluation.absent(Missing(why=Why.TEST_FAILED, detail=words))
    try:
        with _in_exported_numbers(net):
            found = evaluate(folder, net, request.test, request.classes, phase, reader, temperature)
    except RunFailed as exc:
        log.warning("the test set was not evaluated: %s", exc)
        return Evaluation.absent(Missing(why=Why.TEST_FAILED, detail=str(exc)))
    faults = reader.faults(FileRole.TEST)
    if not faults:
        return found
    count, needed = len(faults), len(request.test)
    why = Missing(why=Why.TEST_FILES, count=count, needed=needed, detail=str(faults[0]))
    return Evaluation.absent(why)


@contextmanager
def _in_exported_numbers(net: Segmentor) -> Iterator[None]:
    usual, net.bf16 = net.bf16, is_exported_in_bf16(net.settings)
    try:
        yield
    finally:
        net.bf16 = usual


def _attempts(folder: RunFolder, phase: str) -> int:
    """How many earlier processes of this run started this evaluation and did not finish it; counts
    this one for the next."""
    file = folder.path / f"{phase.replace(' ', '-')}.attempts"
    before = len(file.read_bytes()) if file.exists() else 0
    file.write_bytes(b"." * (before + 1))
    return before


def _student(folder: RunFolder, request: PredictRequest, reader: FileReader) -> Evaluation | None:
    """The evaluation of the student's checkpoint on the same test images."""
    net = model_of(request.model_copy(update={"checkpoint": request.student}))
    temperature, phase = request.student_temperature, "test of the student"
    return evaluate_test_set(folder, net, request, phase, reader, temperature)


def model_of(request: PredictRequest) -> Segmentor:
    """The model of the checkpoint with the request's settings. Raises ConfigError, RunFailed."""
    seed_all(request.seed)
    net, classes = ready_model(
        request.checkpoint,
        device=request.device,
        threads=request.threads,
        settings=request.settings,
    )
    if classes != request.classes:
        raise ConfigError(
            f"{request.checkpoint}: knows the classes {list(classes)}; the request has "
            f"{list(request.classes)}; train with these classes first"
        )
    return net


def score(folder: RunFolder, net: Segmentor, request: PredictRequest, reader: FileReader) -> None:
    """Write scores.npz; rows that an earlier process of this request wrote are kept.

    Images that cannot be read have no row. Raises RunFailed where a number is not finite.
    """
    ids, scoring = [file.id for file in request.score], _scoring(request)
    checkpoints = [path for path in (request.checkpoint, request.student) if path is not None]
    kind = row_dtype(columns_of(net, scoring))
    rows = ScoreFile(folder, kind, ids, origin(request, *checkpoints))
    progress = ProgressReporter(folder, "scoring", len(ids), rows.done)
    missing = [file for file in request.score if rows.is_missing(file.id)]
    found = scores_of(net, missing, reader, scoring)
    rows.write((file.id, finite(file, columns)) for file, columns in progress.track(found))


def _scoring(request: PredictRequest) -> Scoring:
    """How the request wants its pool scored. Without calibration the temperature is 1."""
    if request.temperature is None:
        log.info("scoring without calibration (temperature 1): no temperature was fitted")
    else:
        log.info("scoring with probabilities of temperature %.3f", request.temperature)
    student = None
    if request.student is not None:
        student = model_of(request.model_copy(update={"checkpoint": request.student}))
    return Scoring(
        temperature=request.temperature or 1.0,
        student=student,
        student_temperature=request.student_temperature or 1.0,
    )


def finite(file: ImageFile, columns: Columns) -> Columns:
    """The columns of an image, checked. Raises RunFailed that names the image."""
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise RunFailed(
                f"image {file.id} ({file.image}): {name} is {column[~np.isfinite(column)][0]}; "
                f"expected finite numbers; the checkpoint may have diverged: train again"
            )
    return columns


def _masks(
    folder: RunFolder, net: Segmentor, request: PredictRequest, reader: FileReader
) -> dict[int, dict[str, float]]:
    confidence = {}
    if request.masks:
        folder.mask(0).parent.mkdir(exist_ok=True)
    if request.priors:
        prior_file(folder, 0).parent.mkdir(exist_ok=True)
    predictions = predictions_of(net, request.masks, reader)
    for file, prediction in ProgressReporter(folder, "masks", len(request.masks)).track(
        predictions
    ):
        mask, confidence[file.id] = mask_of(prediction, request.classes)
        if request.priors:
            prior = prior_of(prediction, request.temperature or 1.0)
            write_prior(prior_file(folder, file.id), prior)
        with atomic_file(folder.mask(file.id)) as part:
            PillowImage.fromarray(mask).save(part, format="PNG")
    return confidence


def mask_of(prediction: ImagePrediction, classes: Sequence[str]) -> tuple[Mask, dict[str, float]]:
    """(H, W) mask, and class -> mean confidence of its pixels, for the predicted classes."""
    mask = np.empty(prediction.size, np.uint8)
    totals, pixels = np.zeros(len(classes)), np.zeros(len(classes))
    for rows, probability in prediction.bands():
        confidence_map, label = probability.max(dim=0)
        mask[rows] = label.numpy()
        for row in range(len(classes)):
            own = confidence_map[label == row]
            if own.numel():  # of a single band the same bits as its mean: float64 is wide enough
                totals[row] += float(own.mean()) * own.numel()
                pixels[row] += own.numel()
    present = np.flatnonzero(pixels)
    return mask, {classes[row]: float(totals[row] / pixels[row]) for row in present}
