"""Signals to the daemon: SIGTERM and SIGINT end it, SIGHUP makes it read config.toml again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

_TERMINAL = 0  # standard input
_LOOK_S = 1.0


class ProcessSignals:
    """Takes the signals of this process from now on; made in its main thread.

    A handler may interrupt any line, so it only puts the signal into a queue that allows that.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[int] = SimpleQueue()
        self._had_terminal = _is_terminal()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _: self._queue.put(number))

    def wait_for_end(self, on_hangup: Callable[[], object]) -> None:
        """Return at SIGTERM and SIGINT, and at SIGHUP where the terminal has been closed; any other
        SIGHUP calls `on_hangup`."""
        while self._next() == signal.SIGHUP:
            if self._had_terminal and not _is_terminal():
                return
            on_hangup()

    def _next(self) -> int:
        """The next signal. A signal that the kernel gives to another thread does not wake this one,
        which alone may run its handler: so it looks every second."""
        while True:
            with suppress(Empty):
                return self._queue.get(timeout=_LOOK_S)


def _is_terminal() -> bool:
    try:
        return os.isatty(_TERMINAL)
    except OSError:
        return False
