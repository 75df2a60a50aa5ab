"""Keeps what is costly to compute until what it is computed from has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """The last value by its key. Threads that ask at once may compute it twice."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: tuple[Hashable, Value] | None = None

    def value(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """The value of this key: what was computed last, where the key is the same."""
        with self._lock:
            known = self._known
        if known is not None and known[0] == key:
            return known[1]
        value = compute()
        with self._lock:
            self._known = (key, value)
        return value
