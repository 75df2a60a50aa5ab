"""`serve_model`, `approve_model` and `note_model`: what people say of a trained model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from daemon.domain.faults import printable
from daemon.stages import model_choice
from daemon.stages.commands.verb import Arguments, Verb
from daemon.stages.context import Context

MOST_CHARACTERS = 1000  # of a note
BY = "a lead"  # who may say so; never the name of a person

Cycle = Annotated[int, Field(ge=1, lt=2**31)]
NoteText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_CHARACTERS)
]


class ModelArguments(Arguments):
    """Which model: the cycle that trained it."""

    cycle: Cycle


class NoteArguments(ModelArguments):
    """A note on it."""

    text: NoteText


def serve_model(context: Context, arguments: ModelArguments) -> str:
    """Let this model serve, whatever the gate said."""
    return model_choice.serve_model(context, arguments.cycle, BY)


def approve_model(context: Context, arguments: ModelArguments) -> str:
    """Approve this model; one that waits for an answer serves then."""
    return model_choice.approve_model(context, arguments.cycle, BY)


def note_model(context: Context, arguments: NoteArguments) -> str:
    """Keep a note on this model."""
    text = printable(arguments.text, MOST_CHARACTERS)
    return model_choice.note_model(context, arguments.cycle, text, BY)


SERVE_MODEL = Verb(
    summary="let the model of a cycle serve, whatever the gate said: cycle=N",
    arguments=ModelArguments,
    carry_out=serve_model,
)
APPROVE_MODEL = Verb(
    summary="approve the model of a cycle; one that waits for an answer serves then: cycle=N",
    arguments=ModelArguments,
    carry_out=approve_model,
)
NOTE_MODEL = Verb(
    summary="keep a note on the model of a cycle: cycle=N text=TEXT",
    arguments=NoteArguments,
    carry_out=note_model,
)
