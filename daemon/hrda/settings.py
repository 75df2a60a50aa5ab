"""The settings of the method, as the training process uses them: daemon/config/learner/."""

from __future__ import annotations

from daemon.config.learner import GRID_PX, INFERENCE, METHODS, PRESETS, Settings, settings_of

__all__ = ["GRID_PX", "INFERENCE", "METHODS", "PRESETS", "Settings", "settings_of"]
