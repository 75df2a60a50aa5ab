"""Faults: inputs from outside that could not be used, and what became of them."""

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
    """Identifies an annotation: the tool's ids of it and its task, and the key of the image."""

    annotation: str
    task: str
    image_key: str

    @property
    def where(self) -> str:
        """The name of the annotation in faults and notes."""
        return f"annotation {self.annotation} of task {self.task}"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An input that could not be used; the loop continues without it.

    where: name of the input. part: of the input, as "region 3"; "" for all of it. answer: set if
    the input is an annotation of a known image, which can be asked again. task: the tool's id of a
    task that cannot be used. Each text is made printable and cut to `FAULT_CHARS`.
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
        where = f"{self.where}, {self.part}" if self.part else self.where
        return f"{where}: got {self.got}; expected {self.expected}; {self.cure}"


class FaultState(enum.StrEnum):
    """What became of an input that could not be used."""

    OPEN = "open"  # the loop continues without it
    ASKED_AGAIN = "asked again"  # annotators are asked for the image again
    CORRECTED = "corrected"  # the annotation was, and can be used
    REPLACED = "replaced"  # another annotation of the image can be used
    GIVEN_UP = "given up"  # asked again as often as [loop] ask_again allows


RESOLVED = (FaultState.CORRECTED, FaultState.REPLACED)


@dataclass(frozen=True, kw_only=True)
class QuarantinedFault:
    """A stored fault. where: name of the input, as "image a/7.jpg".

    image_id, image_name: None if the input is not an annotation of a known image.
    """

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
    """An annotation of a known image that cannot be used. annotation, task: the tool's ids."""

    where: str
    got: str
    expected: str
    state: FaultState
    annotation: str
    task: str
    image_id: int


def printable(text: str, limit: int = FAULT_CHARS) -> str:
    """A text from outside, made safe for the store, the log and the page.

    Escaped are characters that UTF-8 cannot encode, and those that control a terminal or change
    the direction of writing. A text of more than `limit` characters is cut and ends with a digest,
    so that two different texts stay different.
    """
    text = _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    ending = f"... ({len(text)} characters, sha256 {digest})"
    return text[: limit - len(ending)] + ending
