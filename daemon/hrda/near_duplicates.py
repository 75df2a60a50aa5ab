"""`near-duplicates`: keep one image of each group of near-duplicates. Needs no torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from daemon.domain.errors import RunFailed
from daemon.hrda.progress import ProgressReporter
from daemon.rules.near_duplicates import FloatArray, IdArray, representatives
from daemon.rules.similar_pairs import MOST_COMPARED, representatives_of_many
from daemon.runs.run_folder import DistinctRequest, PredictResult, RunFolder, Scores


def near_duplicates(folder: RunFolder, request: DistinctRequest) -> None:
    """Write kept.npy, the ids of the candidates that are kept. Raises RunFailed for an image
    without an embedding."""
    started_s = time.monotonic()
    known = [_scores(path) for path in request.embeddings]
    candidates = np.array(request.candidates, dtype=np.int64)
    progress = ProgressReporter(folder, "comparing images", len(candidates))
    with threadpool_limits(limits=1):  # the same products, and images, on any number of cores
        kept = _kept(
            candidates,
            _rows(known, candidates),
            _rows(known, np.array(request.asked, dtype=np.int64)),
            request,
            progress.report,
        )
    folder.write_kept(np.array(kept, dtype=np.int64))
    seconds = time.monotonic() - started_s
    folder.write_result(PredictResult(images=len(candidates), seconds=seconds))


def _kept(
    ids: IdArray,
    embeddings: FloatArray,
    asked: FloatArray,
    request: DistinctRequest,
    progress: Callable[[int], None],
) -> list[int]:
    limit = request.similarity
    if len(ids) <= MOST_COMPARED:
        return representatives(ids, embeddings, similarity=limit, known=asked, progress=progress)
    return representatives_of_many(
        ids,
        embeddings,
        similarity=limit,
        known=asked,
        rng=np.random.default_rng(request.seed),
        progress=progress,
    )


def _scores(path: Path) -> Scores:
    return RunFolder(path.parent).read_scores()


def _rows(known: Sequence[Scores], ids: IdArray) -> FloatArray:
    """The embeddings of these images, stacked: (len(ids), D), each of the last run that has it."""
    width = known[0].embeddings.shape[1] if known else 0
    found = np.empty((len(ids), width), dtype=np.float32)
    missing = np.ones(len(ids), dtype=np.bool_)
    for scores in known[::-1]:
        order = np.argsort(scores.ids, kind="stable")
        there = scores.ids[order]
        places = np.searchsorted(there, ids, side="right") - 1  # the last of equal ids
        has = missing & (places >= 0)
        has[has] = there[places[has]] == ids[has]
        found[has] = scores.embeddings[order[places[has]]]
        missing &= ~has
    if missing.any():
        raise RunFailed(
            f"{missing.sum()} images have no embedding, the first is {ids[missing][0]}; expected "
            f"one of each; embed them first"
        )
    return found
