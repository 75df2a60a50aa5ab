"""Commands: what people ask the loop to do, on a page or with `maskloop ask`."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"


class AccessRole(enum.StrEnum):
    """What a person may do. A lead may give every command and sees the names of people."""

    VIEWER = "viewer"
    LEAD = "lead"

    def includes(self, other: AccessRole) -> bool:
        """Whether who has this role may do what the other role may."""
        return self is AccessRole.LEAD or other is AccessRole.VIEWER


class CommandState(enum.StrEnum):
    """The state of a command."""

    WAITING = "waiting"  # for the next tick, or for what its outcome says
    DONE = "done"
    REFUSED = "refused"  # it asks for what does not exist or may not be done
    FAILED = "failed"  # it was tried, and a fault ended it


@dataclass(frozen=True, kw_only=True)
class Command:
    """Something that a person asked for; the next tick carries it out, once.

    verb: which of `daemon.stages.commands.VERBS`. arguments: as they were given, not checked.
    asked_by: where it came from, never the name of a person. role: what the person may do.
    outcome: what became of it, as a sentence; "" before it was tried. finished_at: None while it
    waits.
    """

    id: int
    verb: str
    arguments: Mapping[str, JSON]
    asked_by: str
    role: AccessRole
    asked_at: datetime
    state: CommandState = CommandState.WAITING
    outcome: str = ""
    finished_at: datetime | None = None
