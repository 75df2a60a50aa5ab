"""A filter of the log for lines that repeat at every tick: shown once, then counted.

A line that keeps coming is shown again after 1, 2, 4 ... 24 hours, with the number of times that it
was left out. Errors, and lines that differ in any character, are always shown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

FIRST_WAIT_S = 3_600.0
MAX_WAIT_S = 24 * 3_600.0
MAX_LINES = 2_000  # remembered; above it the oldest is forgotten
# They log an incident once when it begins and once when it is over, and a change once.
UNFILTERED = ("daemon.loop.service", "daemon.loop.pulse", "daemon.loop.reload")


class RepeatFilter(logging.Filter):
    """Leaves out lines that were shown before, word for word. Each handler needs its own.

    steady_s: a monotonic clock in seconds.
    """

    def __init__(self, steady_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._steady_s = steady_s
        # (logger, line) -> (shown at s, next shown after s, left out since then)
        self._lines: dict[tuple[str, str], tuple[float, float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show this line; adds to it how often it was left out before."""
        if record.levelno >= logging.ERROR or record.exc_info or record.name in UNFILTERED:
            return True
        line, now = (record.name, record.getMessage()), self._steady_s()
        shown_at, wait_s, left_out = self._lines.pop(line, (now - MAX_WAIT_S, FIRST_WAIT_S / 2, 0))
        if now - shown_at < wait_s:
            self._lines[line] = (shown_at, wait_s, left_out + 1)
            return False
        if left_out:
            record.msg, record.args = f"{line[1]} (and {left_out} times since)", None
        self._lines[line] = (now, min(2 * wait_s, MAX_WAIT_S), 0)
        if len(self._lines) > MAX_LINES:
            del self._lines[next(iter(self._lines))]
        return True


def filter_repeats(logger: logging.Logger) -> None:
    """Add a RepeatFilter to every handler of a logger that has none."""
    for handler in logger.handlers:
        if not any(isinstance(known, RepeatFilter) for known in handler.filters):
            handler.addFilter(RepeatFilter())
