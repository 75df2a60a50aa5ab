"""The fields of a task and of an annotation, each checked before it is used.

An absurd value beside a mask does not cost the label: the field is read as unknown and a note says
so. Nothing is clipped or guessed. A field without which a label cannot be used raises.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.unreadable import UnreadableValue, typed
from daemon.domain.faults import printable

MAX_LEAD_TIME_S = 366 * 24 * 3600.0  # of work on one image
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
UNKNOWN_TIME = FIRST  # sorts before every known time
UNKNOWN_PERSON = "unknown"
NAME_CHARS = 120  # of an annotator
_LARGEST = 2**63 - 1  # of SQLite and PostgreSQL
_NUMBER = "a whole number from 1 to 2^63 - 1"


def parse_id(value: object) -> int | None:
    """The id of an object of Label Studio, in [1, 2^63); None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= _LARGEST else None


def content_digest(value: object) -> str:
    """A name for an object without an id, "?" and 12 hex digits: the same for the same content."""
    try:
        text = json.dumps(value, sort_keys=True)
    except RecursionError:
        text = "nested too deeply"
    return f"?{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def parse_time(value: object) -> datetime | None:
    """A time from 1970 to 2199 with a zone, in UTC; None for any other value."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None or not FIRST.year <= moment.year < LAST.year:
        return None
    return moment.astimezone(UTC)


class AnnotationFields:
    """The fields of one annotation beside its mask. notes: fields that were read as unknown."""

    def __init__(self, annotation: Mapping[str, Any]) -> None:
        self._annotation = annotation
        self.notes: list[str] = []

    def is_skip(self) -> bool:
        """Whether the person declined to label. Raises UnreadableValue where that is unknown."""
        value = self._annotation.get("was_cancelled")
        if value is None or isinstance(value, bool):
            return bool(value)
        cure = "submit it again, or delete it in Label Studio"
        raise UnreadableValue(f"was_cancelled: {typed(value)}", "true or false", cure)

    def annotator(self) -> str:
        """The user who submitted it: the id, or the e-mail address where there is no id;
        `UNKNOWN_PERSON` where the user was deleted."""
        value = self._annotation.get("completed_by")
        user = value
        if isinstance(value, dict):
            user = value.get("id") if parse_id(value.get("id")) else value.get("email")
        if isinstance(user, str) and user.strip():
            return printable(user.strip(), NAME_CHARS)
        if number := parse_id(user):
            return str(number)
        if value is not None:
            self._unknown("completed_by", "a user's number")
        return UNKNOWN_PERSON

    def times(self) -> tuple[datetime, datetime]:
        """When it was created and changed last; where one cannot be read it is taken from the
        other, and `UNKNOWN_TIME` where neither can."""
        names = ("created_at", "updated_at")
        read = [parse_time(self._annotation.get(name)) for name in names]
        for name, moment in zip(names, read, strict=True):
            if moment is None:
                self._unknown(name, "a time with its zone, from 1970 to 2199")
        created, updated = read
        return created or updated or UNKNOWN_TIME, updated or created or UNKNOWN_TIME

    def lead_time_s(self) -> float | None:
        """Seconds of work, from 0 to a year; None where they were not measured or are absurd."""
        value = self._annotation.get("lead_time")
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and 0 <= value <= MAX_LEAD_TIME_S:
            return float(value)
        self._unknown("lead_time", "seconds of work, from 0 to a year")
        return None

    def ground_truth(self) -> bool:
        """Whether somebody marked it as the ground truth of its task."""
        value = self._annotation.get("ground_truth")
        if value is not None and not isinstance(value, bool):
            self._unknown("ground_truth", "true or false")
        return value is True

    def prediction(self) -> int | None:
        """The id of the prediction that it started from; None for none."""
        value = self._annotation.get("parent_prediction")
        if value is not None and parse_id(value) is None:
            self._unknown("parent_prediction", _NUMBER)
        return parse_id(value)

    def _unknown(self, name: str, expected: str) -> None:
        got = printable(typed(self._annotation.get(name)), NAME_CHARS)
        self.notes.append(f"{name} is taken as unknown: got {got}; expected {expected}")
