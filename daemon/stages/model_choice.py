"""What people say of a model: that it shall serve, that it is approved, a note on it."""

from __future__ import annotations

import logging

from daemon.domain import Stage
from daemon.domain.errors import CommandRefused
from daemon.domain.formatting import fraction
from daemon.domain.models import GateVerdict, ModelNote
from daemon.stages.context import Context
from daemon.stages.serving import may_serve

log = logging.getLogger(__name__)

MOST_NOTES = 1000  # in all


def serve_model(context: Context, model: int, by: str) -> str:
    """Let the model of a cycle serve, whatever the gate said; the sentence about it.

    A cycle that is not scored yet is scored with it. Else the batch that people have stays whole,
    and the model serves from the next cycle on. Calling it twice changes nothing. Raises
    CommandRefused where there is no such model.
    """
    store, last = context.store, context.store.last_cycle()
    _require_model(context, model)
    if not may_serve(context, model):
        raise CommandRefused(
            f"the model of cycle {model} cannot serve: its checkpoint is deleted, or it was "
            f"trained on images that measure models now"
        )
    if last is None:
        raise CommandRefused("the loop has not run yet; there is no model")
    known, stage, now = f"the model of cycle {model}", last.stage, context.now()
    if stage in (Stage.EMBED, Stage.TRAIN):
        store.choose_serving(last.number - 1, model, by, now)
        return (
            f"{known} counts as the serving one: the model that cycle {last.number} trains has to "
            f"be as good; the present batch keeps its masks"
        )
    with store.atomic():
        store.choose_serving(last.number, model, by, now)
        if stage is Stage.SCORE:
            store.keep_serving(last.number, model)
    if stage is Stage.SCORE:
        return f"{known} serves: it scores the pool and draws the masks of cycle {last.number}"
    return (
        f"{known} serves from the next cycle on: its training starts from it and has to be as "
        f"good; the batch of cycle {last.number} keeps its masks and its order"
    )


def approve_model(context: Context, model: int, by: str) -> str:
    """Approve the model of a cycle; one that waits for that serves then. Twice changes nothing."""
    _require_model(context, model)
    store = context.store
    judged = store.judged_models().get(model)
    waits = (
        judged is not None
        and judged.verdict is GateVerdict.ASKED
        and judged.approved_at is None
        and judged.cycle == max(store.judged_models())
    )
    words = f"; {serve_model(context, model, by)}" if waits else ""
    store.approve_model(model, by, context.now())
    return f"the model of cycle {model} is approved{words}"


def note_model(context: Context, model: int, text: str, by: str) -> str:
    """Keep a note on the model of a cycle. The same note of the same author is kept once."""
    _require_model(context, model)
    store = context.store
    notes = store.model_notes()
    if any((one.cycle, one.author, one.text) == (model, by, text) for one in notes):
        return f"the note on the model of cycle {model} is there already"
    if len(notes) >= MOST_NOTES:
        raise CommandRefused(f"there are {MOST_NOTES} notes on models, no more are kept")
    store.add_model_note(ModelNote(cycle=model, at=context.now(), author=by, text=text))
    return f"a note on the model of cycle {model} is kept"


def _require_model(context: Context, model: int) -> None:
    """Raise CommandRefused unless a training of this cycle was measured."""
    points = {point.cycle: point for point in context.store.curve()}
    if model not in points:
        known = ", ".join(
            f"{cycle} (mIoU {fraction(point.validation.miou if point.validation else None)})"
            for cycle, point in points.items()
        )
        raise CommandRefused(
            f"cycle {model} has no measured model; those that have one: {known or 'none'}"
        )
