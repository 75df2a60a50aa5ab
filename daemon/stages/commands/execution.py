"""Carries out the commands that wait in the store, oldest first.

A command is recorded as done after its work, so after a crash in between it runs once more; every
verb may run twice with the same effect. One command that fails stops neither the next nor the tick.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping

from pydantic import ValidationError

from daemon.domain.commands import JSON, Command, CommandState
from daemon.domain.errors import (
    CommandPostponed,
    CommandRefused,
    ConnectorUnavailable,
    DiskFull,
    MaskloopError,
)
from daemon.domain.faults import printable
from daemon.intake import is_environment_error
from daemon.stages.commands import VERBS
from daemon.stages.commands.verb import Arguments, Verb
from daemon.stages.context import Context

log = logging.getLogger(__name__)


def carry_out_commands(context: Context) -> None:
    """Carry out every command that waits. Raises only what keeps the store from being written."""
    for command in context.store.waiting_commands():
        state, outcome = _outcome(context, command)
        if (state, outcome) == (command.state, command.outcome):
            continue  # it waits on for the same reason
        words = f"asked by {command.asked_by}: {printable(command.verb)}: {outcome}"
        level = "warning" if state is CommandState.FAILED else "info"
        with context.store.atomic():
            context.store.keep_outcome(command.id, state, outcome, context.now())
            if state is not CommandState.WAITING:
                context.store.add_event(level, words, context.now())
        log.info("command id=%d state=%s %s", command.id, state, words)


def checked_arguments(verb: Verb, arguments: Mapping[str, JSON]) -> Arguments:
    """The arguments of a verb. Raises CommandRefused that says what is wrong with them."""
    try:
        return verb.arguments.model_validate(arguments)
    except ValidationError as exc:
        fault = exc.errors(include_url=False, include_context=False)[0]
        name = ".".join(map(str, fault["loc"])) or "arguments"
        expected = ", ".join(verb.arguments.model_fields) or "none"
        raise CommandRefused(
            f"{printable(name, 80)}: {fault['msg']}; the arguments are: {expected}"
        ) from exc


def known_verb(name: str) -> Verb:
    """The verb with this name. Raises CommandRefused where there is none."""
    if (verb := VERBS.get(name)) is None:
        raise CommandRefused(
            f"got the verb {printable(name, 80)!r}; expected one of {', '.join(sorted(VERBS))}"
        )
    return verb


def _permitted_verb(command: Command) -> Verb:
    verb = known_verb(command.verb)
    if not command.role.includes(verb.role):
        raise CommandRefused(f"{command.verb} is for a {verb.role}, not for a {command.role}")
    return verb


def _outcome(context: Context, command: Command) -> tuple[CommandState, str]:
    """What becomes of a command, and the sentence about it."""
    try:
        verb = _permitted_verb(command)
        arguments = checked_arguments(verb, command.arguments)
        return CommandState.DONE, verb.carry_out(context, arguments)
    except CommandRefused as exc:
        return CommandState.REFUSED, str(exc)
    except CommandPostponed as exc:
        return CommandState.WAITING, str(exc)
    except ConnectorUnavailable as exc:
        log.debug("command id=%d waits: %s", command.id, exc)
        return CommandState.WAITING, "the labeling tool does not answer; it is tried again"
    except (DiskFull, MemoryError, sqlite3.OperationalError):
        raise  # nothing can be recorded now; the command waits
    except MaskloopError as exc:
        return CommandState.FAILED, str(exc)
    except Exception as exc:
        if is_environment_error(exc):
            raise
        log.exception("command id=%d", command.id)
        return CommandState.FAILED, f"{type(exc).__name__}: {exc}; please report it"
