"""Which model scores the pool and draws masks: the new one, unless it is clearly worse.

A refused model stays a point of the curve, marked; the next training starts from the one that
serves. The rule stands in daemon/rules/serving_gate.py.
"""

from __future__ import annotations

import logging
from pathlib import Path

from daemon.domain import Stage
from daemon.domain.formatting import fraction
from daemon.rules.serving_gate import RULE, serving_cycle
from daemon.stages.context import Context
from daemon.stages.train import excluded_training_images, train

log = logging.getLogger(__name__)

_GATED = "model_judged"  # the fact: the newest cycle whose model passed through the gate


def train_and_gate(context: Context, cycle: int) -> bool:
    """TRAIN, then decide whether the new model serves; True when done. Twice logs it once."""
    if not train(context, cycle):
        return False
    if context.store.fact(_GATED) != str(cycle):
        _apply_gate(context, cycle)
    return True


def serving_checkpoint(context: Context, cycle: int) -> Path:
    """The checkpoint of the model that scores the pool, predicts the masks of a cycle and starts
    the next training. The file is missing before the first training."""
    return context.run(context.store.serving(cycle), Stage.TRAIN).checkpoint


def _may_serve(context: Context, cycle: int) -> bool:
    """Whether the checkpoint of a cycle exists and was trained on no excluded image."""
    exists = context.run(cycle, Stage.TRAIN).checkpoint.exists()
    return exists and not excluded_training_images(context, cycle)


def _apply_gate(context: Context, cycle: int) -> None:
    store, curve = context.store, context.store.curve()
    available = [point.cycle for point in curve if _may_serve(context, point.cycle)]
    serving = serving_cycle(curve, cycle, available)
    words = ""
    if serving != cycle:
        found = {point.cycle: point.validation for point in curve}
        new, kept = ((one.miou if one else None) for one in (found[cycle], found[serving]))
        words = (
            f"cycle {cycle}: the new model was refused: mIoU {fraction(new)}, against "
            f"{fraction(kept)} of the model of cycle {serving}, which goes on predicting masks "
            f"and scoring the pool; check the labels that came since ({RULE})"
        )
    with store.atomic():
        store.keep_serving(cycle, serving)
        store.keep_fact(_GATED, str(cycle))
        if words:
            store.add_event("warning", words, context.now())
    if words:
        log.warning("%s", words)
