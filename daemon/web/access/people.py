"""The pseudonyms of everybody who answered, read from the store when somebody new has."""

from __future__ import annotations

import threading

from daemon.insight.person_names import Pseudonyms
from daemon.store import Store


class PeopleOfStore:
    """Numbers people in the order of their first answer; every thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: tuple[str, int, int] | None = None
        self._names: list[str] = []

    def pseudonyms(self, store: Store) -> Pseudonyms:
        """The pseudonyms as of now."""
        newest = (str(store.folder), *store.newest_answers())
        with self._lock:
            if newest != self._newest:
                self._names, self._newest = store.annotators(), newest
            return Pseudonyms(self._names)
