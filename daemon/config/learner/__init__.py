"""The learner's settings: names, ranges, descriptions, presets. Without torch.

The daemon checks `[training] settings` with them when config.toml is read; the training process
(daemon/hrda/) computes with them. Imports nothing of ours but errors and ranges.
"""

from __future__ import annotations

from daemon.config.learner.checking import (
    ENCODER,
    INFERENCE,
    NETWORK,
    faults_of,
    fields_of_settings,
    resolved,
    settings_of,
)
from daemon.config.learner.model import GRID_PX, WINDOW_GRID_PX, Settings
from daemon.config.learner.presets import METHODS, PRESETS

__all__ = [
    "ENCODER",
    "GRID_PX",
    "INFERENCE",
    "METHODS",
    "NETWORK",
    "PRESETS",
    "WINDOW_GRID_PX",
    "Settings",
    "faults_of",
    "fields_of_settings",
    "resolved",
    "settings_of",
]
