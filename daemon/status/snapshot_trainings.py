"""What the store and the run folders say of the trainings, for their page."""

from __future__ import annotations

import dataclasses
import re
from functools import lru_cache
from pathlib import Path

from daemon.domain import Evaluation, Stage
from daemon.domain.errors import RunFailed
from daemon.domain.evaluations import MeasuredImage
from daemon.insight.trained_models import TrainedModel, trained_models
from daemon.runs.run_folder import RunFolder, TrainResult
from daemon.runs.training_history import TrainingHistory, read_history
from daemon.store import Store

_TRAIN = re.compile(rf"(\d{{4,}})-{Stage.TRAIN}")


def training_run(state: Path, cycle: int) -> RunFolder:
    """The run folder of the training of a cycle."""
    return RunFolder(state / "runs" / f"{cycle:04d}-{Stage.TRAIN}")


def training_cycles(state: Path) -> tuple[int, ...]:
    """The cycles that have a run folder of a training, newest first."""
    names = (_TRAIN.fullmatch(path.name) for path in (state / "runs").glob(f"*-{Stage.TRAIN}"))
    return tuple(sorted((int(found[1]) for found in names if found), reverse=True))


def read_models(store: Store, state: Path) -> tuple[TrainedModel, ...]:
    """The models of the loop, newest first."""
    last, cycles = store.last_cycle(), training_cycles(state)
    runs = {cycle: training_run(state, cycle) for cycle in cycles}
    points = store.curve()
    newest = max((point.cycle for point in points), default=None)
    return trained_models(
        points,
        store.judged_models(),
        store.model_notes(),
        scoring=None if newest is None else store.serving(newest),
        next_serving=None if last is None else store.serving_after(last.number),
        refused=store.refused_cycles(),
        kept=[cycle for cycle, run in runs.items() if run.checkpoint.exists()],
        pictures=[cycle for cycle, run in runs.items() if (run.path / "validation").is_dir()],
        histories={cycle: stamp for cycle, run in runs.items() if (stamp := history_stamp(run))},
    )


def history_stamp(run: RunFolder) -> str:
    """Changes when the history of a training does; "" where there is none."""
    try:
        found = (run.path / "history.json").stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"


def training_history(state: Path, cycle: int) -> TrainingHistory | None:
    """The history of the training of a cycle; None where none can be read."""
    return read_history(training_run(state, cycle))


def measured_model(store: Store, state: Path, cycle: int) -> Evaluation | None:
    """All figures of the model of a cycle on validation, those of each image from its run folder;
    None where it was not measured."""
    points = {point.cycle: point.validation for point in store.curve()}
    kept = points.get(cycle)
    if kept is None:
        return None
    return dataclasses.replace(kept, by_image=measured_images(state, cycle))


def measured_images(state: Path, cycle: int) -> tuple[MeasuredImage, ...]:
    """What the model of a cycle did on each validation image; () where its run is gone."""
    run = training_run(state, cycle)
    try:
        stamp = run.result_file.stat()
    except OSError:
        return ()
    return _measured_images(run, (stamp.st_mtime_ns, stamp.st_size))


@lru_cache(maxsize=8)
def _measured_images(run: RunFolder, _: tuple[int, int]) -> tuple[MeasuredImage, ...]:
    try:
        found = run.read_result(TrainResult).validation
    except RunFailed:
        return ()
    return found.by_image if found else ()
