"""Which model scores the pool and predicts masks: the new one, unless it is clearly worse.

A refused model stays on the learning curve as a marked point; the next training starts from the
model that serves. The rule is in daemon/rules/serving_gate.py.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from daemon.domain import CurvePoint, Stage
from daemon.domain.formatting import fraction
from daemon.rules.serving_gate import RULE, serving_cycle
from daemon.stages.context import Context
from daemon.stages.train import excluded_training_images, train

log = logging.getLogger(__name__)

_GATED = "model_judged"  # name of the stored fact: the newest cycle that the gate decided


def train_and_gate(context: Context, cycle: int) -> bool:
    """TRAIN, then decide whether the new model serves; True when done.

    Calling it twice logs the decision once.
    """
    if not train(context, cycle):
        return False
    if context.store.fact(_GATED) != str(cycle):
        _apply_gate(context, cycle)
    return True


def serving_checkpoint(context: Context, cycle: int) -> Path:
    """The checkpoint of the model that scores the pool, predicts the masks of a cycle and starts
    the next training. The file does not exist before the first training."""
    return context.run(context.store.serving(cycle), Stage.TRAIN).checkpoint


def _may_serve(context: Context, cycle: int) -> bool:
    """Whether the checkpoint of a cycle exists and was trained on no excluded image."""
    exists = context.run(cycle, Stage.TRAIN).checkpoint.exists()
    return exists and not excluded_training_images(context, cycle)


def _apply_gate(context: Context, cycle: int) -> None:
    store, curve = context.store, context.store.curve()
    available = [point.cycle for point in curve if _may_serve(context, point.cycle)]
    serving = serving_cycle(curve, cycle, available)
    message = "" if serving == cycle else _refusal(curve, cycle, serving)
    with store.atomic():
        store.keep_serving(cycle, serving)
        store.keep_fact(_GATED, str(cycle))
        if message:
            store.add_event("warning", message, context.now())
    if message:
        log.warning("%s", message)


def _refusal(curve: Sequence[CurvePoint], cycle: int, serving: int) -> str:
    """The warning about the refused model of a cycle. serving: the cycle whose model serves."""
    miou = {point.cycle: point.validation.miou for point in curve if point.validation}
    return (
        f"cycle {cycle}: the new model was refused: mIoU {fraction(miou.get(cycle))}, against "
        f"{fraction(miou.get(serving))} of the model of cycle {serving}, which still predicts "
        f"masks and scores the pool; check the labels that were added since ({RULE})"
    )
