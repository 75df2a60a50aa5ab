"""What the run folder of a training says of its model, for the card."""

from __future__ import annotations

from pathlib import Path

from daemon.domain import Evaluation
from daemon.runs.model_card import ModelFacts, ModelFigures, TrainingFacts
from daemon.runs.run_folder import RunFolder, TrainRequest, TrainResult


def facts_of(
    train: RunFolder, *, name: str, cycle: int | None = None, test: Evaluation | None = None
) -> ModelFacts:
    """The facts of the model of a finished training. test: its figures on the test images, which
    another run measured. Raises RunFailed where a file of the run cannot be read."""
    request, result = train.read_request(TrainRequest), train.read_result(TrainResult)
    calibration = result.validation.calibration if result.validation else None
    training = TrainingFacts(
        train_labels=len(request.labeled),
        validation_labels=len(request.validation),
        unlabeled=len(request.unlabeled),
        iterations=result.iterations,
        seconds=result.seconds,
        seed=request.seed,
        temperature=calibration.temperature if calibration else None,
        started_from=_start(request.parent),
        versions=result.versions,
    )
    found = (("validation", result.validation), ("test", test))
    figures = tuple(_figures(split, one) for split, one in found if one is not None)
    return ModelFacts(name=name, cycle=cycle, training=training, figures=figures)


def _start(parent: Path | None) -> str:
    """Without the folders of this machine: the card goes elsewhere."""
    if parent is None:
        return "the encoder's weights"
    return f"the model of {parent.parent.name or parent.name}"


def _figures(split: str, found: Evaluation) -> ModelFigures:
    return ModelFigures.model_validate(
        {
            "split": split,
            "images": found.images,
            "miou": found.miou,
            "miou_interval": found.miou_interval,
            "interval_coverage": found.interval_coverage,
            "iou": dict(found.iou),
            "missing": {name: str(one.why) for name, one in found.missing.items()},
            "precision": found.precision,
            "ece": found.calibration.ece if found.calibration else None,
        }
    )
