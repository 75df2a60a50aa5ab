"""The pause of the loop, which a person asks for: no training starts, people go on labeling."""

from __future__ import annotations

from daemon.domain import Stage
from daemon.stages.context import Context
from daemon.store import Store

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
    if store.fact(_PAUSED):
        store.keep_fact(_PAUSED, "")


def pause_reason(store: Store) -> str:
    """Why no training may start; "" while it may."""
    return store.fact(_PAUSED) or ""


def reason_not_to_train(context: Context, cycle: int, stage: Stage) -> str:
    """Why this stage does not begin now: it is a training, none of it has begun, and the loop is
    paused. "" where it may. What runs already goes on to its end."""
    if stage is not Stage.TRAIN or context.run(cycle, stage).request_file.exists() or not cycle:
        return ""
    return pause_reason(context.store)
