"""Which model scores the pool and predicts masks: the new one, unless it is clearly worse.

A refused model stays on the learning curve as a marked point; the next training starts from the
model that serves. A model that asks a person is held in the same way until somebody approves it, or
the next one has the same fall. The rule is in daemon/rules/serving_gate.py.

A person may choose another model. What serves, serves whole: a cycle that is not scored yet is
scored with it; after that the batch keeps the masks and the order that it was asked with, and the
chosen model serves from the next cycle on: its training starts from it and has to be as good.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.domain import CurvePoint, Evaluation, Stage
from daemon.domain.errors import RunFailed
from daemon.domain.formatting import fraction, signed
from daemon.domain.models import ClassFall, GateVerdict, Ground, JudgedModel
from daemon.rules.serving_gate import FALL, RULE, Judgement, judge
from daemon.runs.run_folder import TrainResult
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


def may_serve(context: Context, cycle: int) -> bool:
    """Whether the checkpoint of a cycle exists and was trained on no excluded image."""
    exists = context.run(cycle, Stage.TRAIN).checkpoint.exists()
    return exists and not excluded_training_images(context, cycle)


def _apply_gate(context: Context, cycle: int) -> None:
    store, curve = context.store, context.store.curve()
    available = [point.cycle for point in curve if may_serve(context, point.cycle)]
    found = judge(
        _with_images(context, curve, (*available, cycle)),
        cycle,
        available,
        store.serving_after(cycle - 1),
        classes=context.config.classes.names,
        asks=context.config.training.class_fall == "ask",
        unanswered=unanswered_falls(store.judged_models(), cycle - 1),
    )
    message = _message(curve, found)
    with store.atomic():
        store.keep_serving(cycle, found.serving)
        store.keep_judged_model(_record(context, found, message))
        store.keep_fact(_GATED, str(cycle))
        if message:
            store.add_event("warning", message, context.now())
    if message:
        log.warning("%s", message)


def unanswered_falls(judged: Mapping[int, JudgedModel], cycle: int) -> tuple[str, ...]:
    """The classes that the model of a cycle fell in, where it asked and nobody approved it."""
    model = judged.get(cycle)
    if model is None or model.verdict is not GateVerdict.ASKED or model.approved_at:
        return ()
    return tuple(fall.name for fall in model.falls)


def _with_images(
    context: Context, curve: Sequence[CurvePoint], cycles: Sequence[int]
) -> list[CurvePoint]:
    """The curve, with the figures of each validation image from the runs of these cycles."""
    return [
        dataclasses.replace(point, validation=_with_run(context, point.cycle, point.validation))
        if point.cycle in cycles and point.validation is not None
        else point
        for point in curve
    ]


def _with_run(context: Context, cycle: int, kept: Evaluation) -> Evaluation:
    try:
        found = context.run(cycle, Stage.TRAIN).read_result(TrainResult).validation
    except RunFailed:  # its run is gone: the figures of the store remain
        return kept
    return dataclasses.replace(kept, by_image=found.by_image) if found else kept


def _record(context: Context, found: Judgement, words: str) -> JudgedModel:
    return JudgedModel(
        cycle=found.cycle,
        serving=found.serving,
        verdict=found.verdict,
        at=context.now(),
        ground=found.ground,
        against=found.against,
        words=words,
        falls=found.falls,
    )


def _message(curve: Sequence[CurvePoint], found: Judgement) -> str:
    """The warning about a judged model; "" for one that serves as usual."""
    if found.verdict is GateVerdict.REFUSED:
        return _refusal(curve, found)
    if not found.falls:
        return ""
    fell = ", ".join(map(_fall_words, found.falls))
    start = f"cycle {found.cycle}: {fell} against the model of cycle {found.against}"
    if found.verdict is GateVerdict.ASKED:
        return (
            f"{start}: a class that falls by more than {FALL} beyond noise asks a person; the "
            f"model of cycle {found.serving} serves until somebody approves the new one "
            f"(`maskloop ask approve_model cycle={found.cycle}`), or until the next model has the "
            f"same fall; check the labels of this class"
        )
    return f"{start}; the new model serves all the same: nobody answered, or nobody is to be asked"


def _fall_words(fall: ClassFall) -> str:
    low, high = fall.interval
    return (
        f"the IoU of {fall.name!r} fell by {-fall.difference:.3f} ({signed(low)} to {signed(high)})"
    )


def _refusal(curve: Sequence[CurvePoint], found: Judgement) -> str:
    """The warning about the refused model of a cycle."""
    miou = {point.cycle: point.validation.miou for point in curve if point.validation}
    cycle, serving = found.cycle, found.serving
    return (
        f"cycle {cycle}: the new model was refused: mIoU {fraction(miou.get(cycle))}, against "
        f"{fraction(miou.get(serving))} of the model of cycle {serving}, which still predicts "
        f"masks and scores the pool{_proof(found)}; check the labels that were added since ({RULE})"
    )


def _proof(found: Judgement) -> str:
    """What the refusal rests on."""
    if found.ground is not Ground.PAIRED or found.difference is None:
        return ""
    low, high = found.difference.interval
    against = (
        "" if found.against == found.serving else f" to the best one, of cycle {found.against}"
    )
    return (
        f"; the difference{against} on the same images is {signed(found.difference.difference)} "
        f"({signed(low)} to {signed(high)})"
    )
