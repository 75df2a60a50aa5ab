"""The trained cycles of the status, from the points that the store holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from daemon.domain import CurvePoint, Evaluation, LostLabels, Stage
from daemon.domain.errors import RunFailed
from daemon.domain.evaluations import MeasuredImage
from daemon.domain.models import JudgedModel
from daemon.insight.curve import Compare
from daemon.insight.missing_figures import explain, interval_words, remarks
from daemon.insight.model_difference import ModelDifference, model_difference
from daemon.runs.run_folder import RunFolder, TrainResult
from daemon.status.model_curve import (
    CalibrationFigures,
    EvaluatedCycle,
    MissingFigure,
    ValidationFigures,
)

NO_LOSS = LostLabels(deleted=0, unconfirmed=0)
SEED = 0  # of the draws: the same models have the same interval at each look


def image_comparison(state: Path) -> Compare:
    """Compares the models of two cycles image by image, from the results of their runs."""

    def compare(before: int, after: int) -> ModelDifference:
        runs = tuple(_train_run(state, cycle) for cycle in (before, after))
        return _difference(runs, tuple(map(_stamp, runs)))

    return compare


def _train_run(state: Path, cycle: int) -> RunFolder:
    return RunFolder(state / "runs" / f"{cycle:04d}-{Stage.TRAIN}")


@lru_cache(maxsize=4)
def _difference(
    runs: tuple[RunFolder, ...], stamps: tuple[tuple[int, int] | None, ...]
) -> ModelDifference:
    """stamps: of the results, so that a new file is read again."""
    before, after = (_measured_images(run) for run in runs)
    return model_difference(before, after, np.random.default_rng(SEED))


def _measured_images(run: RunFolder) -> tuple[MeasuredImage, ...]:
    """What is known of each validation image; nothing where the run is gone, or cannot be read."""
    try:
        found = run.read_result(TrainResult).validation
    except RunFailed:
        return ()
    return found.by_image if found else ()


def _stamp(run: RunFolder) -> tuple[int, int] | None:
    try:
        found = run.result_file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def evaluated_cycles(
    points: Sequence[CurvePoint],
    refused: Mapping[int, int],
    lost: Mapping[int, LostLabels],
    judged: Mapping[int, JudgedModel] = MappingProxyType({}),
) -> tuple[EvaluatedCycle, ...]:
    """The points of the curve with all their figures.

    refused: cycle whose model was refused -> cycle whose model serves in its place. lost: cycle ->
    labels of its model that no longer count. judged: cycle -> what the gate said.
    """
    return tuple(
        evaluated_cycle(
            point,
            refused.get(point.cycle),
            lost.get(point.cycle, NO_LOSS),
            judged.get(point.cycle),
        )
        for point in points
    )


def evaluated_cycle(
    point: CurvePoint,
    served_instead: int | None = None,
    lost: LostLabels = NO_LOSS,
    judged: JudgedModel | None = None,
) -> EvaluatedCycle:
    """One point of the curve. served_instead: the cycle whose model serves, where this one's was
    refused."""
    figures: dict[str, Any] = {
        "miou": None, "iou": {}, "miou_interval": None, "missing": {}, "remarks": ()
    }  # fmt: skip
    if point.validation is not None:
        figures = _figures(point.validation)
    if point.test is not None:
        figures |= {f"test_{name}": value for name, value in _figures(point.test).items()}
    if lost.changed:
        figures["labels_changed"] = lost.changed
    if judged is not None:
        figures |= {"verdict": judged.verdict, "verdict_words": judged.words}
    return EvaluatedCycle(
        cycle=point.cycle,
        labels=point.labels,
        train_labels=point.train_labels,
        seconds=point.seconds,
        refused=served_instead is not None,
        serving=point.cycle if served_instead is None else served_instead,
        labels_deleted=lost.deleted,
        labels_unconfirmed=lost.unconfirmed,
        **figures,
    )


def validation_figures(evaluation: Evaluation) -> ValidationFigures:
    """All that was measured on validation images."""
    return ValidationFigures(**_figures(evaluation))


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    """The fields of `ValidationFigures`; those that may be absent only where there is a value."""
    return {
        "miou": evaluation.miou,
        "iou": evaluation.iou,
        "miou_interval": evaluation.miou_interval,
        "images": evaluation.images,
        "interval_coverage": evaluation.interval_coverage,
        "interval_groups": evaluation.interval_groups,
        "interval_words": interval_words(evaluation),
        "missing": {
            name: MissingFigure(why=missing.why, words=explain(missing))
            for name, missing in evaluation.missing.items()
        },
        "remarks": tuple(remarks(evaluation)),
        **_optional_figures(evaluation),
    }


def _optional_figures(evaluation: Evaluation) -> dict[str, Any]:
    calibration = evaluation.calibration
    figures = {
        "image_miou": evaluation.image_miou,
        "boundary_iou": evaluation.boundary_iou,
        "confusion": evaluation.confusion,
        "calibration": calibration and CalibrationFigures(**asdict(calibration)),
    }
    return {name: value for name, value in figures.items() if value not in (None, {}, ())}
