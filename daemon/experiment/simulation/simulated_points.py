"""A point of a run, read from the run folders of its home when a model is trained and measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from daemon.domain import Stage
from daemon.experiment.jobs.run_results import require_figures
from daemon.experiment.simulation.simulated_runs import SimulatedPoint
from daemon.rules.near_duplicates import representatives
from daemon.rules.validation_split import FloatArray, stack_embeddings
from daemon.runs.run_folder import PredictResult, RunFolder, TrainRequest, TrainResult
from daemon.stages.context import Context
from daemon.stages.train import curve_point

TEST = "test"  # a run of the simulation: it measures a model that the loop refused to use


def is_measured(context: Context, cycle: int) -> bool:
    """Whether the loop has finished the stage that measures the model of a cycle."""
    return context.run(cycle, Stage.SCORE).finished()


def figures_run(context: Context, cycle: int) -> RunFolder:
    """The run that holds the figures on the test images, of the loop or of the simulation."""
    score = context.run(cycle, Stage.SCORE)
    return score if score.read_result(PredictResult).test else context.run(cycle, TEST)


def measured_point(context: Context, cycle: int) -> SimulatedPoint:
    """The point of a cycle whose model is measured. Raises RunFailed without test figures."""
    train = context.run(cycle, Stage.TRAIN)
    result = train.read_result(TrainResult)
    test = require_figures(figures_run(context, cycle).read_result(PredictResult).test)
    counted = curve_point(train, cycle, result)
    newest, earlier = _newest_labels(context, cycle)
    images = context.store.images_of(newest)
    return SimulatedPoint(
        cycle=cycle,
        train_labels=counted.train_labels,
        labels=counted.labels,
        miou=test.miou,
        iou=test.iou,
        validation_miou=result.validation.miou if result.validation else None,
        holding=result.labeled_holding,
        redundancy=_redundancy(context, newest, earlier) if cycle > 1 else None,
        iterations=result.iterations,
        seconds=result.seconds,
        picks=tuple(PurePosixPath(images[i].key).with_suffix("").as_posix() for i in newest),
    )


def _newest_labels(context: Context, cycle: int) -> tuple[list[int], list[int]]:
    """Ids of the training images that this model is the first to train on, best first, and of
    those that an earlier one had."""
    labeled = _labeled_ids(context, cycle)
    earlier = _labeled_ids(context, cycle - 1) if cycle > 1 else []
    store = context.store
    picks = [*store.picks(cycle - 1), *store.reserve(cycle - 1)]
    rank = {pick.image_id: pick.rank for pick in picks}
    new = set(labeled) - set(earlier)
    return sorted(new, key=lambda image_id: (rank.get(image_id, len(rank)), image_id)), earlier


def _labeled_ids(context: Context, cycle: int) -> list[int]:
    request = context.run(cycle, Stage.TRAIN).read_request(TrainRequest)
    return [file.id for file in request.labeled]


def _redundancy(context: Context, newest: Sequence[int], earlier: Sequence[int]) -> float | None:
    table = context.embeddings()
    if not newest or not all(image_id in table for image_id in (*newest, *earlier)):
        return None
    return redundancy_of(
        stack_embeddings(newest, table),
        stack_embeddings(earlier, table),
        similarity=context.config.selection.duplicate_similarity,
    )


def redundancy_of(newest: FloatArray, earlier: FloatArray, *, similarity: float) -> float:
    """Share of a batch that is a near-duplicate of an earlier label or of a better ranked image.

    newest: (N, D), rows of unit length, best first, N > 0. earlier: (M, D). similarity: from which
    cosine similarity two images are near-duplicates.
    """
    ranks = np.arange(len(newest), dtype=np.int64)
    distinct = representatives(ranks, newest, similarity=similarity, known=earlier)
    return 1 - len(distinct) / len(newest)
