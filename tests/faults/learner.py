"""A learner that knows nothing and answers at once: masks and scores are drawn by image id."""

from __future__ import annotations

import numpy as np
from PIL import Image

from daemon.domain import Evaluation
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import (
    EmbedRequest,
    PredictRequest,
    PredictResult,
    RunFolder,
    Scores,
    TrainRequest,
    TrainResult,
)

SIZE = (6, 8)  # height_px, width_px of every image


class DirectLauncher:
    """Runs it in this very process, as the `looks`-th look at it; see daemon.launchers.Launcher."""

    def __init__(self, looks: int) -> None:
        self._looks = looks
        self._begun: dict[str, int] = {}

    def advance(self, run: RunFolder, command: str) -> bool:
        if run.finished():
            return True
        begun = self._begun.get(run.path.name, 0)
        self._begun[run.path.name] = begun + 1
        if command == "train" and begun < self._looks:
            return False
        COMMANDS[command](run)
        return True

    def release(self, run: RunFolder) -> bool:
        self._begun.pop(run.path.name, None)
        return True

    def stop(self) -> None:
        self._begun.clear()


def embed(run: RunFolder) -> None:
    ids = [file.id for file in run.read_request(EmbedRequest).images]
    run.write_scores(Scores(ids=np.array(ids, dtype=np.int64), embeddings=_vectors(ids)))
    run.write_result(PredictResult(images=len(ids), seconds=0.0))


def train(run: RunFolder) -> None:
    request = run.read_request(TrainRequest)
    measuring = len(request.validation)
    with atomic_file(run.checkpoint) as part:
        part.write_text("nothing")
    known = Evaluation(images=measuring, miou=0.5, iou=dict.fromkeys(request.classes, 0.5))
    run.write_result(
        TrainResult(validation=known if measuring else None, iterations=1, seconds=0.0)
    )


def predict(run: RunFolder) -> None:
    request = run.read_request(PredictRequest)
    (run.path / "masks").mkdir(exist_ok=True)
    for file in request.masks:
        rng = np.random.default_rng([file.id, len(run.path.name)])
        Image.fromarray(rng.integers(0, 3, SIZE, dtype=np.uint8)).save(run.mask(file.id))
    ids = [file.id for file in request.score]
    if ids:
        order = np.random.default_rng([len(ids), *run.path.name.encode()])
        n, c = len(ids), len(request.classes)
        scores = Scores(
            ids=np.array(ids, dtype=np.int64),
            embeddings=_vectors(ids),
            uncertainty=order.random(n).astype(np.float32),
            class_share=np.full((n, c), 1 / c, dtype=np.float32),
        )
        run.write_scores(scores)
    confidence = {file.id: dict.fromkeys(request.classes, 0.5) for file in request.masks}
    run.write_result(PredictResult(images=len(ids), seconds=0.0, confidence=confidence))


COMMANDS = {"embed": embed, "train": train, "predict": predict}


def _vectors(ids: list[int]) -> np.ndarray:
    rows = [np.random.default_rng(number).normal(size=8) for number in ids]
    vectors = np.array(rows, dtype=np.float32).reshape(-1, 8)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
