"""Warm start: a training starts from the serving model if that has the same network."""

from __future__ import annotations

import logging
from typing import Any

from daemon.config.learner import NETWORK, resolved
from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.domain.formatting import short_repr
from daemon.runs.run_folder import RunFolder, TrainRequest, TrainResult
from daemon.stages.classes import present_names
from daemon.stages.context import Context

log = logging.getLogger(__name__)


def warm_start(context: Context, cycle: int) -> dict[str, Any]:
    """The fields of a TrainRequest that name its parent model; empty: start from ImageNet weights.

    A parent with another network cannot be used; an event says so.
    """
    serving = context.store.serving_after(cycle - 1)
    run = context.run(serving, Stage.TRAIN)
    if not context.config.training.warm_start or not run.checkpoint.exists():
        return {}
    changed = network_changes(context.config, run)
    if not changed:
        classes = run.read_request(TrainRequest).classes
        return {
            "parent": run.checkpoint,
            "parent_classes": present_names(context.store, serving, classes),
        }
    message = (
        f"cycle {cycle}: training starts from ImageNet weights, not from the model before: "
        f"[training] changed the network: {changed}"
    )
    log.warning("%s", message)
    context.store.add_event("warning", message, context.now())
    return {}


def network_changes(config: Config, run: RunFolder) -> str:
    """How the network of config.toml differs from that of a finished training; "" if it is the
    same, so that its model can be the parent of the next training."""
    training = config.training
    now = resolved({"preset": training.preset, **training.settings})
    request, result = run.read_request(TrainRequest), run.read_result(TrainResult)
    before = resolved({**request.settings, **result.settings})
    changed = [name for name in NETWORK if before[name] != now[name]]
    return ", ".join(
        f"{name} {short_repr(before[name])} -> {short_repr(now[name])}" for name in changed
    )
