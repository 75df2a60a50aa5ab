"""Which model is exported: the one that serves, that of a cycle, or that of an experiment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from daemon.config.loading import Config
from daemon.domain import Evaluation, Stage
from daemon.domain.class_colours import class_colours
from daemon.domain.errors import ExportRefused, RunFailed
from daemon.runs.model_card import ModelFacts
from daemon.runs.model_facts import facts_of
from daemon.runs.run_folder import PredictResult, RunFolder, TrainRequest
from daemon.store import FILE
from daemon.store.reading import reading_store

SERVING = "serving"


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """A model: its checkpoint, the names of its classes, what is known of it."""

    checkpoint: Path
    classes: tuple[str, ...]
    facts: ModelFacts


def model_of_loop(config: Config, wanted: str) -> ModelSource:
    """The model of the loop of a configuration. wanted: SERVING, or the number of a cycle.

    Raises ExportRefused where there is none.
    """
    with reading_store(config.state, ExportRefused) as store:
        curve = {point.cycle: point for point in store.curve()}
        if not curve:
            raise ExportRefused(
                f"{config.state / FILE}: no model yet; it is there after the first training"
            )
        cycle = store.serving(max(curve)) if wanted == SERVING else _number(wanted, list(curve))
    train = RunFolder(config.state / "runs" / f"{cycle:04d}-{Stage.TRAIN}")
    point = curve.get(cycle)
    name = f"{config.home.name}, cycle {cycle}"
    found = _source(train, name, cycle, point.test if point else None)
    colours = class_colours(config.class_set)
    return replace(found, facts=found.facts.model_copy(update={"colours": colours}))


def model_of_experiment(folder: Path) -> ModelSource:
    """The model in the folder of `maskloop train --out`, or in one run folder of a training.

    Raises ExportRefused.
    """
    train = RunFolder(folder / "train" if (folder / "train").is_dir() else folder)
    tested = RunFolder(folder / "predict")
    test = tested.read_result(PredictResult).test if tested.finished() else None
    return _source(train, folder.absolute().name, None, test)


def _source(train: RunFolder, name: str, cycle: int | None, test: Evaluation | None) -> ModelSource:
    if not (train.finished() and train.checkpoint.exists()):
        raise ExportRefused(
            f"{train.path}: holds no finished training with its {train.checkpoint.name}; the loop "
            f"keeps those of the best, the serving and the newest cycles; name another model"
        )
    try:
        facts = facts_of(train, name=name, cycle=cycle, test=test)
        classes = train.read_request(TrainRequest).classes
    except RunFailed as exc:
        raise ExportRefused(str(exc)) from exc
    return ModelSource(checkpoint=train.checkpoint.absolute(), classes=classes, facts=facts)


def _number(wanted: str, cycles: list[int]) -> int:
    if wanted.isascii() and wanted.isdigit() and int(wanted) in cycles:
        return int(wanted)
    raise ExportRefused(
        f"--model {wanted}: expected the number of a trained cycle ({cycles[0]} to {cycles[-1]}), "
        f"or the folder of `maskloop train --out`; without a value it is the model that serves"
    )
