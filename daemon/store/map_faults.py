"""Why the map of the images could not be drawn: a fact of the store, which page and loop read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from daemon.store.base import StoreBase

_FAULT = "map_fault"  # name of the fact


@dataclass(frozen=True, kw_only=True)
class MapFault:
    """Why the last attempt failed. at: of it, ISO 8601. failures: in a row."""

    words: str
    at: str
    failures: int


def read_map_fault(store: StoreBase) -> MapFault | None:
    """The fault; None where the last attempt did not fail."""
    text = store.fact(_FAULT)
    return MapFault(**json.loads(text)) if text else None


def count_map_fault(store: StoreBase, words: str, at: datetime) -> bool:
    """Record a failed attempt; whether its words are new."""
    before = read_map_fault(store)
    failures = before.failures + 1 if before else 1
    fault = MapFault(words=words, at=at.isoformat(), failures=failures)
    store.keep_fact(_FAULT, json.dumps(asdict(fault)))
    return before is None or before.words != words


def forget_map_fault(store: StoreBase) -> None:
    """The next attempt is made at once."""
    if store.fact(_FAULT):
        store.keep_fact(_FAULT, "")
