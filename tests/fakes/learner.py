"""A learner that answers the run-folder contract in milliseconds, with numpy instead of a network.

Started as the real one is: `python -m tests.fakes.learner VERB RUN_FOLDER`. It "learns" the mean
colour of each class and predicts the nearest; so its masks are real, if poor. Its student has seen
half of the colours' differences.
FAKE_LEARNER_SECONDS in the environment makes a training last that long; with FAKE_LEARNER_COLLAPSES
= "0002-train 0005-train" these runs learn every class the wrong way round.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from daemon.domain import IGNORE, Evaluation, Missing, Why
from daemon.domain.errors import RunFailed
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.evaluation.iou import confusion, evaluation, measured_images
from daemon.hrda.near_duplicates import near_duplicates as compared
from daemon.runs.durable import atomic_file, write_json
from daemon.runs.parent_death import end_with_parent
from daemon.runs.run_folder import (
    DistinctRequest,
    EmbedRequest,
    FileRole,
    ImageFile,
    LabeledFile,
    PredictRequest,
    PredictResult,
    Progress,
    RunFolder,
    Scores,
    TrainRequest,
    TrainResult,
)
from daemon.selection.__main__ import select as chosen
from tests.fakes.audits import audit
from tests.fakes.click_trainings import train_clicks
from tests.fakes.predicted_files import write_predicted
from tests.hrda.plain import measures as plain


def main() -> None:
    command, run = sys.argv[1], RunFolder(Path(sys.argv[2]))
    end_with_parent()
    with run.locked():
        COMMANDS[command](run)


def embed(run: RunFolder) -> None:
    request = run.read_request(EmbedRequest)
    reader = FileReader(request.images)
    good = [file for file in request.images if reader.image(file) is not None]
    run.write_scores(_scores(good))
    tested = [file for file in good if file.role is FileRole.TEST]
    sha256 = {file.id: hashlib.sha256(file.image.read_bytes()).hexdigest() for file in tested}
    run.write_result(
        PredictResult(images=len(good), seconds=0.0, sha256=sha256, faults=reader.faults())
    )


def train(run: RunFolder) -> None:
    request = run.read_request(TrainRequest)
    if request.settings.get("fail"):
        write_json(run.error_file, {"kind": "told", "message": str(request.settings["fail"])})
        sys.exit(4)
    with (run.path / "starts.txt").open("a") as file:
        file.write(f"{os.getpid()}\n")
    files = [*request.labeled, *request.validation, *request.unlabeled]
    reader, classes = FileReader(files), len(request.classes)
    labeled = [file for file in request.labeled if reader.labeled_image(file, classes)]
    _ = [reader.image(file) for file in request.unlabeled]
    if not labeled:
        _refuse(run, reader)
    seconds = float(os.environ.get("FAKE_LEARNER_SECONDS", "0"))
    for step in range(10):
        run.write_progress(Progress(phase="train", step=step, steps=10))
        time.sleep(seconds / 10)
    colours = _mean_colours(labeled, classes)
    if run.path.name in os.environ.get("FAKE_LEARNER_COLLAPSES", "").split():
        colours = [*colours[1:], colours[0]]
    with atomic_file(run.checkpoint) as part:
        part.write_text(json.dumps(colours))
    if request.keep_student:
        grey = np.mean(colours, axis=0)
        with atomic_file(run.student) as part:
            part.write_text(json.dumps(((np.array(colours) + grey) / 2).tolist()))
    validation = _measure(colours, request.validation, request.classes, reader)
    run.write_result(
        TrainResult(
            validation=validation,
            iterations=10,
            seconds=seconds,
            labeled_holding=_holding(labeled, request.classes),
            labeled_ignored=float(np.mean([(_truth(file) == IGNORE).mean() for file in labeled])),
            faults=reader.faults(),
        )
    )


def _holding(files: Sequence[LabeledFile], classes: Sequence[str]) -> dict[str, int]:
    truths = [_truth(file) for file in files]
    return {
        name: sum(bool((truth == value).any()) for truth in truths)
        for value, name in enumerate(classes)
    }


def predict(run: RunFolder) -> None:
    request = run.read_request(PredictRequest)
    colours = json.loads(request.checkpoint.read_text())
    reader = FileReader([*request.score, *request.masks, *request.test])
    masks = [file for file in request.masks if reader.image(file) is not None]
    write_predicted(run, request, masks, lambda file: _masks(colours, file))
    if request.score:
        scored = [file for file in request.score if reader.image(file) is not None]
        run.write_scores(_measured(colours, scored, len(request.classes), request))
    test = _test(colours, request, reader)
    confidence = {file.id: dict.fromkeys(request.classes, 0.5) for file in masks}
    run.write_result(
        PredictResult(
            images=0, seconds=0.0, test=test, confidence=confidence, faults=reader.faults()
        )
    )


def _test(
    colours: list[list[float]], request: PredictRequest, reader: FileReader
) -> Evaluation | None:
    """As daemon/hrda/predict.py does it."""
    if request.test_missing is not None:
        return Evaluation.absent(request.test_missing)
    try:
        found = _measure(colours, request.test, request.classes, reader)
    except RunFailed as exc:
        return Evaluation.absent(Missing(why=Why.TEST_FAILED, detail=str(exc)))
    if faults := reader.faults(FileRole.TEST):
        sizes = {"count": len(faults), "needed": len(request.test)}
        return Evaluation.absent(Missing(why=Why.TEST_FILES, detail=str(faults[0]), **sizes))
    return found


def near_duplicates(run: RunFolder) -> None:
    compared(run, run.read_request(DistinctRequest))  # the real one: it is as quick


def select(run: RunFolder) -> None:
    chosen(run)  # the real one: it needs no network


COMMANDS = {
    "embed": embed,
    "train": train,
    "predict": predict,
    "near-duplicates": near_duplicates,
    "select": select,
    "audit": audit,
    "train-clicks": train_clicks,
}


def _scores(files: Sequence[ImageFile]) -> Scores:
    vectors = np.array([_vector(file) for file in files], dtype=np.float32).reshape(-1, 48)
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return Scores(
        ids=np.array([file.id for file in files], dtype=np.int64), embeddings=vectors / norm
    )


def _measured(
    colours: list[list[float]], files: Sequence[ImageFile], classes: int, request: PredictRequest
) -> Scores:
    """Scores with every measure, of probabilities that fall with the distance to the mean colours.

    Uncertainty grows with the place in the pool, and class_share is even, so that tests can tell
    which images a strategy wants.
    """
    scores, count = _scores(files), len(files)
    rows = [_measures(colours, file, request) for file in files]
    stacked = {
        name: np.array([row[name] for row in rows], dtype=np.float32)
        for name in (rows[0] if rows else ())
    }
    return replace(
        scores,
        uncertainty=np.linspace(0, 1, count, dtype=np.float32),
        class_share=np.full((count, classes), 1 / classes, dtype=np.float32),
        **stacked,
    )


def _measures(
    colours: list[list[float]], file: ImageFile, request: PredictRequest
) -> dict[str, np.ndarray | float]:
    """Of one image, on a dozen cells a side. The context sees every second cell in both directions.
    The inputs of the last layer are the colours; the foreground's vector is their mean."""
    pixels = _pixels(file)
    step = max(4, max(pixels.shape) // 12)
    cells = pixels[::step, ::step]
    height, width = cells.shape[:2]
    coarse = np.repeat(np.repeat(cells[::2, ::2], 2, axis=0), 2, axis=1)[:height, :width]
    logits, far = _logits(colours, cells), _logits(colours, coarse)
    temperature = request.temperature or 1.0
    p, label = plain.softmax(logits, temperature), plain.labels(logits)
    inputs = (cells / 127.5 - 1).transpose(2, 0, 1)
    foreground = inputs[:, label != 0].mean(axis=1) if label.any() else np.zeros(3)
    measures: dict[str, np.ndarray | float] = {
        "margin": plain.margin(p),
        "least_confidence": plain.least_confidence(p),
        "foreground_uncertainty": plain.foreground_uncertainty(p, label),
        "class_uncertainty": plain.class_uncertainty(p, label),
        "scale_disagreement": plain.disagreement(plain.softmax(far, temperature), p),
        "objects": plain.objects(label, len(p)),
        "border": plain.border(label),
        "foreground_embeddings": plain.unit(np.resize(foreground, 48)),
        "gradients": plain.gradient(p, inputs),
    }
    if request.student is not None:
        student = json.loads(request.student.read_text())
        other = plain.softmax(_logits(student, cells), request.student_temperature or 1.0)
        measures["teacher_disagreement"] = plain.disagreement(p, other)
    return measures


def _logits(colours: list[list[float]], pixels: np.ndarray) -> np.ndarray:
    gap = np.linalg.norm(pixels[:, :, None] - np.array(colours), axis=-1)
    return -gap.transpose(2, 0, 1) / 25.5


def _vector(file: ImageFile) -> np.ndarray:
    with Image.open(file.image) as picture:
        small = np.asarray(picture.convert("RGB").resize((4, 4)), dtype=np.float32)
    return small.ravel() - 127.5


def _pixels(file: ImageFile) -> np.ndarray:
    with Image.open(file.image) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.float32)


def _refuse(run: RunFolder, reader: FileReader) -> None:
    faults = [fault.model_dump(mode="json") for fault in reader.faults()]
    words = {"kind": "image", "message": "no labeled image can be used", "faults": faults}
    write_json(run.error_file, words)
    sys.exit(4)


def _truth(file: LabeledFile) -> np.ndarray:
    with Image.open(file.mask) as picture:
        return np.asarray(picture)


def _mean_colours(files: Sequence[LabeledFile], classes: int) -> list[list[float]]:
    pixels = np.concatenate([_pixels(file).reshape(-1, 3) for file in files])
    labels = np.concatenate([_truth(file).ravel() for file in files])
    far = np.full(3, 1e6)
    return [
        (pixels[labels == c].mean(0) if (labels == c).any() else far).tolist()
        for c in range(classes)
    ]


def _masks(colours: list[list[float]], file: ImageFile) -> np.ndarray:
    gap = np.linalg.norm(_pixels(file)[:, :, None] - np.array(colours), axis=-1)
    return gap.argmin(axis=-1).astype(np.uint8)


def _measure(
    colours: list[list[float]],
    files: Sequence[LabeledFile],
    classes: Sequence[str],
    reader: FileReader,
) -> Evaluation | None:
    if not files:
        return None
    good = [file for file in files if reader.labeled_image(file, len(classes))]
    truths = [_truth(file) for file in good]
    matrices = [
        confusion(truth, _masks(colours, file), len(classes))
        for truth, file in zip(truths, good, strict=True)
    ]
    groups = [file.group for file in good]
    pixels = max(1, sum(truth.size for truth in truths))
    ignored = sum(int((truth == IGNORE).sum()) for truth in truths) / pixels
    known = groups if any(groups) else ()
    found = evaluation(matrices, classes, groups=known, ignored=ignored)
    return replace(found, by_image=measured_images([file.id for file in good], groups, matrices))


if __name__ == "__main__":
    main()
