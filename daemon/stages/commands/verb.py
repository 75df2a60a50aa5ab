"""What a verb is: the arguments that it takes, who may give it, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from daemon.domain.commands import AccessRole
from daemon.stages.context import Context

MOST_IDS = 20_000  # images of one command


class Arguments(BaseModel):
    """The arguments of a verb; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


@dataclass(frozen=True, kw_only=True)
class Verb:
    """Something that people may ask the loop to do.

    summary: what it does, in a line. arguments: their model. carry_out: (context, arguments) -> a
    sentence that says what was done; it may run twice with the same effect. It raises
    CommandRefused where the arguments ask for what may not be, CommandPostponed where it has to
    wait. role: what a person needs to ask for it.
    """

    summary: str
    arguments: type[Arguments]
    carry_out: Callable[[Context, Any], str]
    role: AccessRole = AccessRole.LEAD


def _listed(given: object) -> object:
    """One id as a list of one."""
    return [given] if isinstance(given, int) and not isinstance(given, bool) else given


ImageId = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
ImageIds = Annotated[
    tuple[ImageId, ...], BeforeValidator(_listed), Field(min_length=1, max_length=MOST_IDS)
]
ReasonText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
