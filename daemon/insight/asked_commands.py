"""What people asked the loop to do, as pages and programs read it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from daemon.domain.commands import AccessRole, Command, CommandState
from daemon.insight.person_names import Mention
from daemon.insight.view_model import Count, Timestamp, ViewModel

MOST_NAMED = 8  # of a list in the words of a command
LONGEST = 300  # characters of one argument


class AskedCommand(ViewModel):
    """Something that a person asked the loop to do."""

    id: Count
    """Its number."""
    verb: str
    """What to do, such as "exclude"."""
    arguments: Mapping[str, JsonValue]
    """As they were given."""
    asked_by: str
    """Where it came from: "a lead on a page", `maskloop ask`. Never the name of a person."""
    role: AccessRole
    """What who asked may do."""
    asked_at: Timestamp
    """When it was asked."""
    state: CommandState
    """What became of it."""
    outcome: Mention
    """The same as a sentence; "" before it was tried."""
    finished_at: Timestamp | None
    """When it was done, refused or failed; null while it waits."""

    @property
    def argument_words(self) -> str:
        """The arguments in short, such as "ids = 3, 5; reason = fog"."""
        return "; ".join(f"{name} = {_words(value)}" for name, value in self.arguments.items())


class CommandsView(ViewModel):
    """What people asked the loop to do."""

    commands: tuple[AskedCommand, ...]
    """The newest, newest first."""


def asked_command(command: Command) -> AskedCommand:
    """A command as it is read; times are ISO 8601 in UTC."""
    return AskedCommand.model_validate(
        {
            "id": command.id,
            "verb": command.verb,
            "arguments": command.arguments,
            "asked_by": command.asked_by,
            "role": command.role,
            "asked_at": command.asked_at.isoformat(),
            "state": command.state,
            "outcome": command.outcome,
            "finished_at": command.finished_at and command.finished_at.isoformat(),
        }
    )


def commands_view(commands: Sequence[Command]) -> CommandsView:
    """The page of the commands."""
    return CommandsView(commands=tuple(asked_command(command) for command in commands))


def _words(value: JsonValue) -> str:
    if not isinstance(value, list):
        return str(value)[:LONGEST]
    named = ", ".join(str(each) for each in value[:MOST_NAMED])[:LONGEST]
    return named if len(value) <= MOST_NAMED else f"{named} and {len(value) - MOST_NAMED} more"
