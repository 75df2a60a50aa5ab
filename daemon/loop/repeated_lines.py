"""The log says a repeated line seldom: what every look would say again is said once, then counted.

Nothing is lost: a line that comes back is shown again after 1, 2, 4 ... hours, with how often it
was left out. Errors and lines that differ in anything are always shown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

FIRST_S = 3_600.0
LONGEST_S = 24 * 3_600.0
MOST_LINES = 2_000  # that are remembered; the oldest is forgotten first
OWN_CARE = ("daemon.loop.service", "daemon.loop.pulse")  # say a lasting thing seldom by themselves


class Repeats(logging.Filter):
    """Leaves out lines that were shown a while ago, word for word. One for each handler.

    steady_s: seconds of a clock that nobody sets.
    """

    def __init__(self, steady_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._steady_s = steady_s
        self._shown: dict[tuple[str, str], tuple[float, float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show this line; adds how often it was left out since."""
        if record.levelno >= logging.ERROR or record.exc_info or record.name in OWN_CARE:
            return True
        line, now = (record.name, record.getMessage()), self._steady_s()
        shown_at, wait_s, left_out = self._shown.pop(line, (now - LONGEST_S, FIRST_S / 2, 0))
        if now - shown_at < wait_s:
            self._shown[line] = (shown_at, wait_s, left_out + 1)
            return False
        if left_out:
            record.msg, record.args = f"{line[1]} (and {left_out} times since)", None
        self._shown[line] = (now, min(2 * wait_s, LONGEST_S), 0)
        if len(self._shown) > MOST_LINES:
            del self._shown[next(iter(self._shown))]
        return True


def drop_repeats(logger: logging.Logger) -> None:
    """Let every handler of a logger leave out repeated lines."""
    for handler in logger.handlers:
        if not any(isinstance(one, Repeats) for one in handler.filters):
            handler.addFilter(Repeats())
