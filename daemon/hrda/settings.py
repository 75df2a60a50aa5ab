"""The settings of the method, as the training process uses them: daemon/learner_settings/."""

from __future__ import annotations

from daemon.learner_settings import GRID_PX, INFERENCE, METHODS, PRESETS, Settings, settings_of

__all__ = ["GRID_PX", "INFERENCE", "METHODS", "PRESETS", "Settings", "settings_of"]
