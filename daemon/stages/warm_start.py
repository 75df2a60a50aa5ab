"""From which model a training starts: the previous one, where it is the same network."""

from __future__ import annotations

import logging
from typing import Any

from daemon.domain import Stage
from daemon.learner_settings import NETWORK, resolved
from daemon.ranges import shown
from daemon.runs import RunFolder, TrainRequest, TrainResult
from daemon.stages.classes import present_names
from daemon.stages.context import Context

log = logging.getLogger(__name__)


def warm_start(context: Context, cycle: int) -> dict[str, Any]:
    """The parts of a TrainRequest that name its parent; empty: it starts from ImageNet weights.

    A parent of another width or encoder cannot be continued; that is said, and not used.
    """
    run = context.run(cycle - 1, Stage.TRAIN)
    if not context.config.training.warm_start or not run.checkpoint.exists():
        return {}
    training = context.config.training
    now = resolved({"preset": training.preset, **training.settings})
    before = _settings_of(run)
    changed = [name for name in NETWORK if before[name] != now[name]]
    if not changed:
        classes = run.read_request(TrainRequest).classes
        return {
            "parent": run.checkpoint,
            "parent_classes": present_names(context.store, cycle - 1, classes),
        }
    words = ", ".join(f"{name} {shown(before[name])} -> {shown(now[name])}" for name in changed)
    note = (
        f"cycle {cycle}: training starts from ImageNet weights, not from the model before: "
        f"[training] changed the network: {words}"
    )
    log.warning("%s", note)
    context.store.note("warning", note, context.now())
    return {}


def _settings_of(run: RunFolder) -> dict[str, Any]:
    return resolved(
        {**run.read_request(TrainRequest).settings, **run.read_result(TrainResult).settings}
    )
