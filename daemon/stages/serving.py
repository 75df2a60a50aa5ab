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
from daemon.stages.train import seen_though_left_out, train

log = logging.getLogger(__name__)

_JUDGED = "model_judged"  # the newest cycle whose model was


def train_and_judge(context: Context, cycle: int) -> bool:
    """TRAIN, and then whether the new model serves; True when done. Twice says it once."""
    if not train(context, cycle):
        return False
    if context.store.fact(_JUDGED) != str(cycle):
        _judge(context, cycle)
    return True


def serving_checkpoint(context: Context, cycle: int) -> Path:
    """The model that scores the pool, draws the masks of a cycle, and starts the next training. No
    file is there before the first training."""
    return context.run(context.store.serving(cycle), Stage.TRAIN).checkpoint


def _may_serve(context: Context, cycle: int) -> bool:
    """Whether the model of a cycle is still there, and its figure is not too good to be true."""
    exists = context.run(cycle, Stage.TRAIN).checkpoint.exists()
    return exists and not seen_though_left_out(context, cycle)


def _judge(context: Context, cycle: int) -> None:
    store, curve = context.store, context.store.curve()
    available = [point.cycle for point in curve if _may_serve(context, point.cycle)]
    serving = serving_cycle(curve, cycle, available)
    words = ""
    if serving != cycle:
        found = {point.cycle: point.validation for point in curve}
        new, kept = ((one.miou if one else None) for one in (found[cycle], found[serving]))
        words = (
            f"cycle {cycle}: the new model was refused: mIoU {fraction(new)}, against "
            f"{fraction(kept)} of the model of cycle {serving}, which goes on drawing masks and "
            f"choosing images; look at the labels that came since ({RULE})"
        )
    with store.atomic():
        store.keep_serving(cycle, serving)
        store.keep_fact(_JUDGED, str(cycle))
        if words:
            store.note("warning", words, context.now())
    if words:
        log.warning("%s", words)
