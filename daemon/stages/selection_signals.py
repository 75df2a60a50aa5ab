"""What strategies may know of the loop beside the pool, and in which regime they choose.

Labels, calibration and the validation interval come from the results of trainings; redundancy and
distance to the labels from the pool (daemon/selection/signals.py). A strategy that changes with
them says so: each switch is logged once with its numbers, and the newest regime is kept for the
status.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from daemon.domain import Evaluation, Stage
from daemon.runs.records import ChosenRegime, TrainingSignals
from daemon.runs.run_folder import TrainRequest, TrainResult
from daemon.stages.context import Context
from daemon.stages.train import curve_point
from daemon.store import Store

log = logging.getLogger(__name__)

REGIME = "selection_regime"  # name of the stored fact: the newest one


def signals_of(
    cycle: int,
    classes: tuple[str, ...],
    labels: int,
    labeled_holding: Mapping[str, int],
    evaluation: Evaluation | None,
) -> TrainingSignals:
    """The signals of results. classes: those of the model that serves, background first. labels,
    labeled_holding: of this cycle's training; empty where an early release trained. evaluation: of
    the model that serves, on validation.
    """
    calibration = evaluation.calibration if evaluation else None
    scaled = calibration.ece_scaled if calibration else None
    return TrainingSignals(
        cycle=cycle,
        classes=classes,
        labels=labels,
        class_labels=tuple(labeled_holding.get(name, 0) for name in classes if labeled_holding),
        temperature=calibration.temperature if calibration else None,
        calibration_error=scaled if scaled is not None or not calibration else calibration.ece,
        validation_interval=evaluation.miou_interval if evaluation else None,
    )


def training_signals(context: Context, cycle: int) -> TrainingSignals | None:
    """The signals of the trainings; None before the first."""
    if cycle == 0:
        return None
    run = context.run(cycle, Stage.TRAIN)
    result, serving = run.read_result(TrainResult), context.store.serving(cycle)
    scored_by = context.run(serving, Stage.TRAIN)
    return signals_of(
        cycle,
        scored_by.read_request(TrainRequest).classes,
        curve_point(run, cycle, result).train_labels,
        result.labeled_holding,
        scored_by.read_result(TrainResult).validation,
    )


def keep_regime(context: Context, cycle: int, name: str, regime: ChosenRegime | None) -> None:
    """Keep how the batch of a cycle was chosen, and log it where that changed. Twice changes
    nothing."""
    store, before = context.store, read_regime(context.store)
    found = None if regime is None else {"cycle": cycle, "strategy": name, **regime.model_dump()}
    with store.atomic():
        store.keep_fact(REGIME, json.dumps(found))
        if regime is None or (
            before and (before["strategy"], before["name"]) == (name, regime.name)
        ):
            return
        numbers = ", ".join(f"{key} {value:.3g}" for key, value in regime.measures.items())
        numbers = f" ({numbers})" if numbers else ""
        message = f"strategy {name} from cycle {cycle} on: {regime.name}: {regime.why}{numbers}"
        store.add_event("info", message, context.now())
    log.info("%s", message)


def read_regime(store: Store) -> dict[str, Any] | None:
    """The newest regime: cycle, strategy, name, why and measures; None where there is none."""
    text = store.fact(REGIME)
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found
