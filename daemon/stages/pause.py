"""The pause of the loop, which a person asks for: no training starts, people go on labeling."""

from __future__ import annotations

from daemon.domain import Stage
from daemon.stages.context import Context
from daemon.store import Store
from daemon.store.models import TRAINING_STOPPED

_PAUSED = "paused"  # name of the stored fact: why the loop is paused, "" while it is not


def pause(store: Store, reason: str) -> str:
    """Pause the loop; returns the sentence that says so. Twice changes nothing else."""
    because = f" ({reason})" if reason else ""
    sentence = (
        f"paused by a person{because}: no training starts and no new cycle begins until "
        f"`maskloop ask resume`; people go on labeling"
    )
    store.keep_fact(_PAUSED, sentence)
    return sentence


def resume(store: Store) -> None:
    """Let the loop go on. Twice changes nothing."""
    for name in (_PAUSED, TRAINING_STOPPED):
        if store.fact(name):
            store.keep_fact(name, "")


def stop_training(context: Context, cycle: int) -> None:
    """Pause the loop and stop the training of a cycle, with its state saved. Twice changes nothing
    else."""
    pause(context.store, "the training is stopped")
    context.store.keep_fact(TRAINING_STOPPED, str(cycle))
    context.launcher.release(context.run(cycle, Stage.TRAIN))


def pause_reason(store: Store) -> str:
    """Why no training may start; "" while it may."""
    return store.fact(_PAUSED) or ""


def reason_not_to_train(context: Context, cycle: int, stage: Stage) -> str:
    """Why this stage does not go on now: it is a training, and the loop is paused before any of it
    has begun, or a person stopped it. "" where it may. What runs already goes on to its end."""
    if stage is not Stage.TRAIN or not cycle:
        return ""
    run = context.run(cycle, stage)
    if not run.request_file.exists():
        return pause_reason(context.store)
    if run.finished() or context.store.fact(TRAINING_STOPPED) != str(cycle):
        return ""
    context.launcher.release(run)
    return (
        f"the training of cycle {cycle} is stopped by a person, with its state saved; it goes on "
        f"after `maskloop ask resume`; people go on labeling"
    )
