"""The fields of a task and of an annotation, each judged before it is used.

A label is not lost because a figure beside it is absurd: such a field is read as unknown and a
note says so. Nothing is clipped or guessed. What a label cannot do without raises RegionRefused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.refusals import Unreadable, kind
from daemon.domain.faults import printable

LONGEST_S = 366 * 24 * 3600.0  # of work on one image
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
UNKNOWN_TIME = FIRST  # sorts before every known time
UNKNOWN_PERSON = "unknown"
NAME_CHARS = 120  # of an annotator
_LARGEST = 2**63 - 1  # of SQLite and PostgreSQL
_NUMBER = "a whole number from 1 to 2^63 - 1"


def number_of(value: object) -> int | None:
    """The number that Label Studio gives to whatever it keeps, in [1, 2^63); None for no such."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= _LARGEST else None


def mark_of(value: object) -> str:
    """A name for something that has no number of its own: the same for the same content."""
    try:
        text = json.dumps(value, sort_keys=True)
    except RecursionError:
        text = "nested too deeply"
    return f"?{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def moment_of(value: object) -> datetime | None:
    """A time from 1970 to 2199 that says its zone, in UTC; None for anything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None or not FIRST.year <= moment.year < LAST.year:
        return None
    return moment.astimezone(UTC)


class Fields:
    """What one annotation says beside its mask. notes: in words, what was read as unknown."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self.notes: list[str] = []

    def is_skip(self) -> bool:
        """Whether the person declined to label. Raises Unreadable where that is not told."""
        value = self._given.get("was_cancelled")
        if value is None or isinstance(value, bool):
            return bool(value)
        cure = "submit it again, or delete it in Label Studio"
        raise Unreadable(f"was_cancelled: {kind(value)}", "true or false", cure)

    def annotator(self) -> str:
        """Whoever submitted it: the number, or the e-mail address where no number is told;
        `UNKNOWN_PERSON` where the user was deleted."""
        value = self._given.get("completed_by")
        told = value
        if isinstance(value, dict):
            told = value.get("id") if number_of(value.get("id")) else value.get("email")
        if isinstance(told, str) and told.strip():
            return printable(told.strip(), NAME_CHARS)
        if number := number_of(told):
            return str(number)
        if value is not None:
            self._unknown("completed_by", "a user's number")
        return UNKNOWN_PERSON

    def times(self) -> tuple[datetime, datetime]:
        """When it was begun and changed last; of two times one may stand for the other, and
        `UNKNOWN_TIME` stands where neither can be read."""
        names = ("created_at", "updated_at")
        read = [moment_of(self._given.get(name)) for name in names]
        for name, moment in zip(names, read, strict=True):
            if moment is None:
                self._unknown(name, "a time with its zone, from 1970 to 2199")
        created, updated = read
        return created or updated or UNKNOWN_TIME, updated or created or UNKNOWN_TIME

    def lead_time_s(self) -> float | None:
        """Seconds of work, from 0 to a year; None where none were measured, or absurd ones."""
        value = self._given.get("lead_time")
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and 0 <= value <= LONGEST_S:
            return float(value)
        self._unknown("lead_time", "seconds of work, from 0 to a year")
        return None

    def ground_truth(self) -> bool:
        """Whether somebody marked it as the one that counts."""
        value = self._given.get("ground_truth")
        if value is not None and not isinstance(value, bool):
            self._unknown("ground_truth", "true or false")
        return value is True

    def prediction(self) -> int | None:
        """The prediction that it began with; None for none."""
        value = self._given.get("parent_prediction")
        if value is not None and number_of(value) is None:
            self._unknown("parent_prediction", _NUMBER)
        return number_of(value)

    def _unknown(self, name: str, expected: str) -> None:
        got = printable(kind(self._given.get(name)), NAME_CHARS)
        self.notes.append(f"{name} is taken as unknown: got {got}; expected {expected}")
