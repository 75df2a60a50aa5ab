"""Incidents: failures that keep the loop from working, and since when."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


class Source(enum.StrEnum):
    """The part that fails."""

    TOOL = "labeling tool"
    RUN = "run"
    DISK = "disk"
    INTAKE = "intake"
    CONFIG = "config.toml"
    STORE = "store"
    OTHER = "daemon"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a tick failed. kind: name of the exception. words: its message. unexpected: a bug of
    Maskloop, so that the log gets the traceback."""

    source: Source
    kind: str
    words: str
    unexpected: bool = False

    @property
    def pattern(self) -> tuple[str, str]:
        """Kind and message without numbers: equal for messages that differ in numbers only."""
        return self.kind, _NUMBER.sub("#", self.words)


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A failure that lasts for one or more ticks. reason: the newest. count: ticks that failed.

    returns: how often it came back shortly after its end. ended_at: None while it is open.
    """

    reason: Reason
    since: datetime
    last_at: datetime
    count: int = 1
    returns: int = 0
    ended_at: datetime | None = None
