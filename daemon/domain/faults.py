"""What is said about something from outside that could not be used."""

from __future__ import annotations

import enum
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

FAULT_CHARS = 600  # of each text of a fault
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class AnswerId:
    """Which answer of which person's: the tool's numbers, and the image that its task shows."""

    annotation: str
    task: str
    image_key: str

    @property
    def place(self) -> str:
        """As faults and notes name it."""
        return f"annotation {self.annotation} of task {self.task}"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that came from outside and could not be used; the loop goes on without it.

    part: of the input, as "region 3"; "" for all of it.
    answer: where it is a person's answer about a known image, which can then be asked again.
    task: the tool's name of a task that cannot be used itself.
    Each text is kept printable and within `FAULT_CHARS`, whatever came in.
    """

    where: str  # "image plants/7.jpg", "annotation 12 of task 3"
    got: str
    expected: str
    cure: str
    part: str = ""
    answer: AnswerId | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        for name in ("where", "part", "got", "expected", "cure"):
            object.__setattr__(self, name, printable(getattr(self, name)))

    def __str__(self) -> str:
        place = f"{self.where}, {self.part}" if self.part else self.where
        return f"{place}: got {self.got}; expected {self.expected}; {self.cure}"


class FaultState(enum.StrEnum):
    """What became of something that could not be used."""

    OPEN = "open"  # the loop goes on without it
    ASKED_AGAIN = "asked again"  # the image is with the annotators once more
    MENDED = "mended"  # the same answer was changed and can be used
    REPLACED = "replaced"  # the image has another answer that can be used
    GIVEN_UP = "given up"  # asked again often enough


RESOLVED = (FaultState.MENDED, FaultState.REPLACED)


@dataclass(frozen=True, kw_only=True)
class QuarantinedFault:
    """A fault as the store keeps it. where: what it is about, as "image a/7.jpg". image_id and
    image_name: None where the fault is not about an answer to a known image."""

    where: str
    got: str
    expected: str
    cure: str
    at: datetime
    state: FaultState
    image_id: int | None
    image_name: str | None


@dataclass(frozen=True, kw_only=True)
class QuarantinedAnswer:
    """An answer about a known image that cannot be used. annotation, task: the tool's ids."""

    where: str
    got: str
    expected: str
    state: FaultState
    annotation: str
    task: str
    image_id: int


def printable(text: str, limit: int = FAULT_CHARS) -> str:
    """A text from outside, fit for the store, the log and the page: what UTF-8 cannot hold is
    escaped, and what moves a terminal's cursor or turns the direction of writing. A text of more
    than `limit` characters is cut and ends with a digest, so that two different texts stay
    different."""
    text = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    ending = f"... ({len(text)} characters, sha256 {digest})"
    return text[: limit - len(ending)] + ending
