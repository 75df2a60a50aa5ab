"""`predict`: a checkpoint scores images, writes masks and is measured."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from daemon.domain import Evaluation, Mask, Missing, Why
from daemon.domain.errors import ConfigError, RunFailed
from daemon.hrda.data.guarded_reading import Reading
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.device import device_of, infers_in_bf16, use_threads
from daemon.hrda.evaluation.evaluate import evaluate
from daemon.hrda.inference.batches import seen
from daemon.hrda.inference.score_file import Rows, origin, row_type
from daemon.hrda.inference.whole_images import Seen, embedding_size
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.progress import Signs
from daemon.hrda.settings import INFERENCE, settings_of
from daemon.hrda.training.checkpoint import read_checkpoint
from daemon.runs.durable import atomic_file
from daemon.runs.folder import FileRole, PredictRequest, PredictResult, RunFolder

log = logging.getLogger(__name__)

ATTEMPTS = 3  # at the test images: a process that is killed there takes the scores with it


def predict(folder: RunFolder, request: PredictRequest) -> None:
    """Do what the request says; everything is in the folder afterwards.

    Raises ConfigError, ImageRefused, MaskRefused or RunFailed.
    """
    started_s = time.monotonic()
    net = model_of(request)
    reading = Reading([*request.score, *request.masks, *request.test])
    if request.score:
        score(folder, net, request, reading)
    confidence = _masks(folder, net, request, reading)
    test = tested(folder, net, request, "test", reading, request.temperature)
    student = _student(folder, request, reading) if request.student else None
    faults = reading.faults()
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


def tested(
    folder: RunFolder,
    net: Segmentor,
    request: PredictRequest,
    phase: str,
    reading: Reading,
    temperature: float | None,
) -> Evaluation | None:
    """How well the model does on the test images; None without a test set.

    Nothing else of the run depends on it: a file that cannot be used, and whatever else is in
    its way, leave an evaluation without a figure that says why. A figure of the others would
    stand beside those of earlier cycles and not be comparable.
    """
    if request.test_missing is not None:
        return Evaluation.absent(request.test_missing)
    if request.test and (ended := _attempts(folder, phase)) >= ATTEMPTS:
        words = f"the process ended {ended} times while it measured, perhaps for want of memory"
        return Evaluation.absent(Missing(why=Why.TEST_FAILED, detail=words))
    try:
        found = evaluate(folder, net, request.test, request.classes, phase, reading, temperature)
    except RunFailed as exc:
        log.warning("the test set was not measured: %s", exc)
        return Evaluation.absent(Missing(why=Why.TEST_FAILED, detail=str(exc)))
    faults = reading.faults(FileRole.TEST)
    if not faults:
        return found
    count, needed = len(faults), len(request.test)
    why = Missing(why=Why.TEST_FILES, count=count, needed=needed, detail=str(faults[0]))
    return Evaluation.absent(why)


def _attempts(folder: RunFolder, phase: str) -> int:
    """How many earlier processes of this run began to measure and did not live to its end; this
    one is counted for the next."""
    file = folder.path / f"{phase.replace(' ', '-')}.attempts"
    before = len(file.read_bytes()) if file.exists() else 0
    file.write_bytes(b"." * (before + 1))
    return before


def _student(folder: RunFolder, request: PredictRequest, reading: Reading) -> Evaluation | None:
    """The other checkpoint on the same test images."""
    net = model_of(request.model_copy(update={"checkpoint": request.student}))
    given, phase = request.student_temperature, "test of the student"
    return tested(folder, net, request, phase, reading, given)


def model_of(request: PredictRequest) -> Segmentor:
    """The model of the checkpoint, as the request wants it. Raises ConfigError, RunFailed."""
    changes = settings_of(request.settings)  # refuses unknown names
    seed_all(request.seed)
    use_threads(request.threads)
    device = device_of(request.device)
    net, classes = read_checkpoint(request.checkpoint, device)
    if classes != request.classes:
        raise ConfigError(
            f"{request.checkpoint}: knows the classes {list(classes)}; the request has "
            f"{list(request.classes)}; train with these classes first"
        )
    named = {name: getattr(changes, name) for name in INFERENCE if name in request.settings}
    net.settings = dataclasses.replace(net.settings, **named)
    net.chunk = net.settings.chunk
    net.bf16 = infers_in_bf16(net.settings, device)
    return net


def score(folder: RunFolder, net: Segmentor, request: PredictRequest, reading: Reading) -> None:
    """Write scores.npz; images that an earlier process of this request scored stay scored.

    Those that cannot be read have no row.
    """
    ids = [file.id for file in request.score]
    kind = row_type(embedding_size(net.settings), len(request.classes))
    rows = Rows(folder, kind, ids, origin(request, request.checkpoint))
    signs = Signs(folder, "scoring", len(ids), rows.done)
    looks = seen(net, [file for file in request.score if rows.lacks(file.id)], reading)
    rows.keep((file.id, _columns(look)) for file, look in signs.over(looks))


def _columns(look: Seen) -> dict[str, npt.ArrayLike]:
    return {
        "embeddings": look.embedding,
        "uncertainty": look.uncertainty(),
        "class_share": look.class_share(),
    }


def _masks(
    folder: RunFolder, net: Segmentor, request: PredictRequest, reading: Reading
) -> dict[int, dict[str, float]]:
    confidence = {}
    if request.masks:
        folder.mask(0).parent.mkdir(exist_ok=True)
    looks = seen(net, request.masks, reading)
    for file, look in Signs(folder, "masks", len(request.masks)).over(looks):
        mask, confidence[file.id] = mask_of(look, request.classes)
        with atomic_file(folder.mask(file.id)) as part:
            PillowImage.fromarray(mask).save(part, format="PNG")
    return confidence


def mask_of(look: Seen, classes: Sequence[str]) -> tuple[Mask, dict[str, float]]:
    """(H, W), and the mean probability over the pixels of each class that is there."""
    mask = np.empty(look.size, np.uint8)
    totals, pixels = np.zeros(len(classes)), np.zeros(len(classes))
    for rows, probability in look.bands():
        certainty, label = probability.max(dim=0)
        mask[rows] = label.numpy()
        for row in range(len(classes)):
            own = certainty[label == row]
            if own.numel():  # the mean of one band stays as it is: float64 has room for the product
                totals[row] += float(own.mean()) * own.numel()
                pixels[row] += own.numel()
    there = np.flatnonzero(pixels)
    return mask, {classes[row]: float(totals[row] / pixels[row]) for row in there}
