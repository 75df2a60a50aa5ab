"""SIGTERM asks a training to save its state and stop; a file asks it for its result now."""

from __future__ import annotations

import signal
import time
from pathlib import Path
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


class FinishRequest:
    """Whether somebody asks for the result now: the training ends as if this were its last
    iteration. The file is looked at every `EVERY_S`; once it was there, the answer stays."""

    EVERY_S = 0.5

    def __init__(self, file: Path) -> None:
        self.file, self._found, self._looked_s = file, False, -1e9

    @property
    def requested(self) -> bool:
        """Whether the file is or was there."""
        if not self._found and time.monotonic() - self._looked_s >= self.EVERY_S:
            self._looked_s = time.monotonic()
            self._found = self.file.exists()
        return self._found
