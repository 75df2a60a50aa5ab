"""SIGTERM asks a training to save its state and stop."""

from __future__ import annotations

import signal
from types import FrameType


class Stopped(Exception):
    """The training was stopped by SIGTERM; its state is saved."""


class StopRequest:
    """Whether SIGTERM was received. requested: True from then on."""

    def __init__(self) -> None:
        self.requested = False
        signal.signal(signal.SIGTERM, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
