"""A learner that answers the run-folder contract in milliseconds, with numpy instead of a network.

Started as the real one is: `python -m tests.fakes.learner VERB RUN_FOLDER`. It "learns" the mean
colour of each class and predicts the nearest; so its masks are real, if poor.
An environment variable FAKE_LEARNER_SECONDS makes a training last that long.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from daemon.domain import Evaluation
from daemon.durable import atomic_file, write_json
from daemon.hrda.near_duplicates import near_duplicates as compared
from daemon.runs import (
    DistinctRequest,
    EmbedRequest,
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


def main() -> None:
    command, run = sys.argv[1], RunFolder(Path(sys.argv[2]))
    if os.environ.get("MASKLOOP_PARENT_STDIN"):
        threading.Thread(target=_die_with_parent, daemon=True).start()
    with run.locked():
        COMMANDS[command](run)


def embed(run: RunFolder) -> None:
    request = run.read_request(EmbedRequest)
    run.write_scores(_scores(request.images))
    run.write_result(PredictResult(images=len(request.images), seconds=0.0))


def train(run: RunFolder) -> None:
    request = run.read_request(TrainRequest)
    if "fail" in request.settings:
        write_json(run.error_file, {"kind": "told", "message": str(request.settings["fail"])})
        sys.exit(4)
    with (run.path / "starts.txt").open("a") as file:
        file.write(f"{os.getpid()}\n")
    _refuse_missing(run, [*request.labeled, *request.validation, *request.unlabeled])
    seconds = float(os.environ.get("FAKE_LEARNER_SECONDS", "0"))
    for step in range(10):
        run.write_progress(Progress(phase="train", step=step, steps=10))
        time.sleep(seconds / 10)
    colours = _mean_colours(request.labeled, len(request.classes))
    with atomic_file(run.checkpoint) as part:
        part.write_text(json.dumps(colours))
    validation = _measure(colours, request.validation, request.classes)
    run.write_result(TrainResult(validation=validation, iterations=10, seconds=seconds))


def predict(run: RunFolder) -> None:
    request = run.read_request(PredictRequest)
    colours = json.loads(request.checkpoint.read_text())
    (run.path / "masks").mkdir(exist_ok=True)
    for file in request.masks:
        Image.fromarray(_masks(colours, file)).save(run.mask(file.id))
    if request.score:
        scores = _scores(request.score)
        n, c = len(request.score), len(request.classes)
        run.write_scores(
            Scores(
                ids=scores.ids,
                embeddings=scores.embeddings,
                uncertainty=np.linspace(0, 1, n, dtype=np.float32),
                class_share=np.full((n, c), 1 / c, dtype=np.float32),
            )
        )
    test = _measure(colours, request.test, request.classes) if request.test else None
    confidence = {file.id: dict.fromkeys(request.classes, 0.5) for file in request.masks}
    run.write_result(PredictResult(images=0, seconds=0.0, test=test, confidence=confidence))


def near_duplicates(run: RunFolder) -> None:
    compared(run, run.read_request(DistinctRequest))  # the real one: it is as quick


COMMANDS = {
    "embed": embed,
    "train": train,
    "predict": predict,
    "near-duplicates": near_duplicates,
}


def _scores(files: Sequence[ImageFile]) -> Scores:
    vectors = np.array([_vector(file) for file in files], dtype=np.float32).reshape(-1, 48)
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return Scores(
        ids=np.array([file.id for file in files], dtype=np.int64), embeddings=vectors / norm
    )


def _vector(file: ImageFile) -> np.ndarray:
    with Image.open(file.image) as picture:
        small = np.asarray(picture.convert("RGB").resize((4, 4)), dtype=np.float32)
    return small.ravel() - 127.5


def _pixels(file: ImageFile) -> np.ndarray:
    with Image.open(file.image) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.float32)


def _refuse_missing(run: RunFolder, files: Sequence[ImageFile]) -> None:
    for file in files:
        if not file.image.exists():
            words = {"kind": "image", "message": f"no file {file.image}", "image_id": file.id}
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
    colours: list[list[float]], files: Sequence[LabeledFile], classes: Sequence[str]
) -> Evaluation | None:
    if not files:
        return None
    pairs = [(_truth(file).ravel(), _masks(colours, file).ravel()) for file in files]
    truth, found = (np.concatenate(part) for part in zip(*pairs, strict=True))
    iou: dict[str, float | None] = {}
    for c, name in enumerate(classes):
        union = ((truth == c) | (found == c)).sum()
        both = ((truth == c) & (found == c)).sum()
        iou[name] = float(both / union) if (truth == c).any() else None
    known = [value for value in iou.values() if value is not None]
    return Evaluation(images=len(files), miou=float(np.mean(known)), iou=iou)


def _die_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(9)


if __name__ == "__main__":
    main()
