"""A checkpoint on its device, ready to predict."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.config.learner import INFERENCE, settings_of
from daemon.hrda.device import infers_in_bf16, resolve_device, set_tf32, set_threads
from daemon.hrda.inference.passes import windows_at_once
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training.checkpoint import read_checkpoint


def ready_model(
    checkpoint: Path, *, device: str, threads: int, settings: Mapping[str, Any]
) -> tuple[Segmentor, tuple[str, ...]]:
    """The model with its classes. settings: those that may change for a trained model are its
    settings from now on. Raises ConfigError, RunFailed."""
    changes = settings_of(settings)  # raises ConfigError for unknown names
    set_threads(threads)
    found = resolve_device(device)
    net, classes = read_checkpoint(checkpoint, found)
    changed = {name: getattr(changes, name) for name in INFERENCE if name in settings}
    net.settings = dataclasses.replace(net.settings, **changed)
    net.chunk = windows_at_once(net.settings, found)
    set_tf32(net.settings)
    net.bf16 = infers_in_bf16(net.settings, found)
    return net, classes
