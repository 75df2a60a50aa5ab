"""How often somebody may try something: sign in, or ask the loop to do something."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

MOST_KEYS = 10_000  # that are remembered at once


class RateLimit:
    """At most `most` attempts in `window_s` seconds for each key; every thread may call it.

    steady_s: a monotonic clock in seconds.
    """

    def __init__(self, most: int, window_s: float, steady_s: Callable[[], float]) -> None:
        self._most, self._window_s, self._steady_s = most, window_s, steady_s
        self._attempts: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def allows(self, key: str) -> bool:
        """Whether this attempt is within the limit; it counts only then."""
        now = self._steady_s()
        with self._lock:
            times = self._attempts.pop(key, deque())
            self._attempts[key] = times  # the newest is last
            if len(self._attempts) > MOST_KEYS:
                del self._attempts[next(iter(self._attempts))]
            while times and times[0] <= now - self._window_s:
                times.popleft()
            if len(times) >= self._most:
                return False
            times.append(now)
            return True
