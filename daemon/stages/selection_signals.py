"""What strategies may know of the loop beside the pool, and in which regime they choose.

Labels, calibration and the validation interval come from the results of trainings; redundancy and
distance to the labels from the pool. A strategy that changes with them says so: each switch is
logged once with its numbers, and the newest regime is kept for the status.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from daemon.domain import Evaluation, Stage
from daemon.domain.errors import ConfigError, MaskloopError
from daemon.intake import Intake
from daemon.rules.redundancy import redundancy
from daemon.runs.run_folder import TrainRequest, TrainResult
from daemon.stages.context import Context
from daemon.stages.train import curve_point
from daemon.store import Store
from strategies.base import HasRegimes, Pool, QueryStrategy, Regime, Signals
from strategies.distances import one_thread

log = logging.getLogger(__name__)

REGIME = "selection_regime"  # name of the stored fact: the newest one
_REDUNDANCY = 1  # of the seeds of a cycle, that of the sample of the pool


def signals_of(
    cycle: int,
    classes: tuple[str, ...],
    labels: int,
    labeled_holding: Mapping[str, int],
    evaluation: Evaluation | None,
) -> Signals:
    """The signals of results. classes: those of the model that serves, background first. labels,
    labeled_holding: of this cycle's training; empty where an early release trained. evaluation: of
    the model that serves, on validation.
    """
    calibration = evaluation.calibration if evaluation else None
    scaled = calibration.ece_scaled if calibration else None
    return Signals(
        cycle=cycle,
        classes=classes,
        labels=labels,
        class_labels=tuple(labeled_holding.get(name, 0) for name in classes if labeled_holding),
        temperature=calibration.temperature if calibration else None,
        calibration_error=scaled if scaled is not None or not calibration else calibration.ece,
        validation_interval=evaluation.miou_interval if evaluation else None,
    )


def training_signals(context: Context, cycle: int) -> Signals | None:
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


def with_signals(pool: Pool, signals: Signals | None, similarity: float, seed: int) -> Pool:
    """The pool with these signals, and with what is measured of its embeddings. similarity: the
    smallest cosine of near-duplicates. Raises PoolInvalid that names a bad embedding."""
    if signals is None or pool.embeddings is None or not len(pool):
        return replace(pool, signals=signals)
    rng = np.random.default_rng([seed, signals.cycle, _REDUNDANCY])
    with one_thread():
        found = redundancy(
            pool.ids, pool.embeddings, similarity=similarity, rng=rng, labeled=pool.labeled
        )
    measured = replace(
        signals,
        near_duplicates=found.near_duplicates,
        coverage_p95=found.coverage_p95,
        spread=found.spread,
    )
    return replace(pool, signals=measured)


def regime_of_choice(strategy: QueryStrategy, name: str, pool: Pool) -> Regime | None:
    """In which regime a strategy chooses from the pool; None for one without regimes. Raises
    ConfigError that names it where its own code fails."""
    if not isinstance(strategy, HasRegimes):
        return None
    intake, refused, found = Intake(), None, None
    where, cure = f"[selection] strategy {name!r}", "correct the plug-in, or name another strategy"
    with intake.guard(where, expected="its regime", cure=cure):
        try:
            found = strategy.regime(pool)
        except MaskloopError as exc:
            refused = exc
    if refused or intake.faults():
        raise refused or ConfigError("; ".join(map(str, intake.faults())))
    if not isinstance(found, Regime):
        raise ConfigError(f"{where}: regime(pool) gave {found!r}; expected a Regime; {cure}")
    return found


def keep_regime(context: Context, cycle: int, name: str, regime: Regime | None) -> None:
    """Keep how the batch of a cycle was chosen, and log it where that changed. Twice changes
    nothing."""
    store, before = context.store, read_regime(context.store)
    found = None if regime is None else {"cycle": cycle, "strategy": name, **asdict(regime)}
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
