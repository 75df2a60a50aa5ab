"""Events: what a person should know about what the daemon did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line for the page and `maskloop status`. level: "info", "warning" or "error"."""

    at: datetime
    level: str
    message: str
