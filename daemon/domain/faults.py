"""What is said about something from outside that could not be used."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

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

    answer: where it is a person's answer about a known image, which can then be asked again.
    task: the tool's name of a task that cannot be used itself.
    Each text is kept printable and within `FAULT_CHARS`, whatever came in.
    """

    where: str  # "image plants/7.jpg", "annotation 12 of task 3"
    got: str
    expected: str
    cure: str
    answer: AnswerId | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        for name in ("where", "got", "expected", "cure"):
            object.__setattr__(self, name, printable(getattr(self, name)))

    def __str__(self) -> str:
        return f"{self.where}: got {self.got}; expected {self.expected}; {self.cure}"


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
