"""`pause` keeps trainings from starting while people go on labeling; `resume` ends that."""

from __future__ import annotations

from daemon.domain.faults import printable
from daemon.stages import pause as loop_pause
from daemon.stages.commands.verb import Arguments, ReasonText, Verb
from daemon.stages.context import Context


class PauseArguments(Arguments):
    """Why."""

    reason: ReasonText = ""


class NoArguments(Arguments):
    """None."""


def pause(context: Context, arguments: PauseArguments) -> str:
    """Start no training and begin no cycle until `resume`; a training that runs ends as usual."""
    return loop_pause.pause(context.store, printable(arguments.reason))


def resume(context: Context, _: NoArguments) -> str:
    """Start trainings again."""
    loop_pause.resume(context.store)
    return "the loop goes on"


PAUSE = Verb(
    summary="start no training until resume; people go on labeling: reason=TEXT",
    arguments=PauseArguments,
    carry_out=pause,
)
RESUME = Verb(summary="end a pause", arguments=NoArguments, carry_out=resume)
