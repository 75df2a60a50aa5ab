"""How a training ends before its time."""

from __future__ import annotations

import signal
from types import FrameType


class Stopped(Exception):
    """SIGTERM came; the state is saved."""


class StopSign:
    """Whether SIGTERM came."""

    def __init__(self) -> None:
        self.came = False
        signal.signal(signal.SIGTERM, self._raise)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.came = True
