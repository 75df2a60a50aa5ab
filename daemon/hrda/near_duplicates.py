"""`near-duplicates`: keep one image of each group of near-duplicates. Needs no torch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from daemon.domain.errors import RunFailed
from daemon.hrda.progress import ProgressReporter
from daemon.rules.near_duplicates import FloatArray, representatives
from daemon.runs.run_folder import DistinctRequest, PredictResult, RunFolder, Scores


def near_duplicates(folder: RunFolder, request: DistinctRequest) -> None:
    """Write kept.npy, the ids of the candidates that are kept. Raises RunFailed for an image
    without an embedding."""
    started_s = time.monotonic()
    known = [_scores(path) for path in request.embeddings]
    progress = ProgressReporter(folder, "comparing images", len(request.candidates))
    kept = representatives(
        np.array(request.candidates, dtype=np.int64),
        _rows(known, request.candidates),
        similarity=request.similarity,
        known=_rows(known, request.asked),
        progress=progress.report,
    )
    folder.write_kept(np.array(kept, dtype=np.int64))
    seconds = time.monotonic() - started_s
    folder.write_result(PredictResult(images=len(request.candidates), seconds=seconds))


def _scores(path: Path) -> Scores:
    return RunFolder(path.parent).read_scores()


def _rows(known: Sequence[Scores], ids: Sequence[int]) -> FloatArray:
    """The embeddings of these images, stacked: (len(ids), D), each of the last run that has it."""
    position = {
        int(image_id): (run, row)
        for run, scores in enumerate(known)
        for row, image_id in enumerate(scores.ids)
    }
    if missing := [image_id for image_id in ids if image_id not in position]:
        raise RunFailed(
            f"{len(missing)} images have no embedding, the first is {missing[0]}; expected one of "
            f"each; embed them first"
        )
    width = known[0].embeddings.shape[1] if known else 0
    found = np.empty((len(ids), width), dtype=np.float32)
    for index, image_id in enumerate(ids):
        run, row = position[image_id]
        found[index] = known[run].embeddings[row]
    return found
