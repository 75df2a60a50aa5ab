"""`maskloop ask`: the commands of the pages, on the command line."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from daemon.cli.console import say
from daemon.config.loading import load_config
from daemon.domain.commands import JSON, AccessRole, Command, CommandState
from daemon.domain.errors import CommandRefused
from daemon.runs.locks import holder_of
from daemon.store import FILE, LOCK, Store
from daemon.store.commands import command_writer

NUMBERS = re.compile(r"\d+(,\s*\d+)+")
POLL_S = 0.2
LONGEST_WAIT_S = 60.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which verb, and its arguments."""
    parser.add_argument(
        "verb", nargs="?", metavar="VERB", help="what to do; without it the verbs are listed"
    )
    parser.add_argument(
        "arguments", nargs="*", metavar="KEY=VALUE", help="for example ids=3,5 reason=blurred"
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="do not wait until the daemon has carried it out"
    )


def ask(options: argparse.Namespace) -> int:
    """Ask the loop to do something; 1 where it is refused or fails."""
    from daemon.stages.commands.execution import checked_arguments, known_verb

    config = load_config(options.config)
    path = config.state / FILE
    if options.verb is None:
        return _list_verbs()
    verb = known_verb(options.verb)
    given = checked_arguments(verb, parse_arguments(options.arguments))
    with command_writer(path) as store:
        command_id = store.add_command(
            options.verb,
            given.model_dump(mode="json"),
            asked_by="the command line",
            role=AccessRole.LEAD,
            at=datetime.now(UTC),
        )
    if holder_of(config.state / LOCK) is None:
        say(f"command {command_id} waits: no daemon runs; `maskloop run` carries it out")
        return 0
    if options.no_wait:
        say(f"command {command_id} waits for the next tick")
        return 0
    return _report(_awaited(path, command_id))


def parse_arguments(pairs: Sequence[str]) -> dict[str, JSON]:
    """KEY=VALUE as a name and a value: JSON where it is that, a list for numbers between commas,
    else a text. Raises CommandRefused where one has no `=` or comes twice."""
    found: dict[str, JSON] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign or name in found:
            raise CommandRefused(f"got {pair!r}; expected KEY=VALUE, each key once")
        try:
            found[name] = json.loads(f"[{text}]" if NUMBERS.fullmatch(text) else text)
        except (ValueError, RecursionError):
            found[name] = text
    return found


def _list_verbs() -> int:
    from daemon.stages.commands import VERBS

    say("the verbs; each is carried out by the next tick of the daemon:")
    for name, verb in VERBS.items():
        say(f"  {name}: {verb.summary}")
    return 0


def _awaited(path: Path, command_id: int) -> Command:
    """The command when the daemon has tried it, or after LONGEST_WAIT_S as it is then."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    while True:
        with Store(path, read_only=True) as store:
            command = store.command(command_id)
        if command is None:
            raise CommandRefused(f"command {command_id} is gone: the store was replaced meanwhile")
        tried = command.state is not CommandState.WAITING or command.outcome
        if tried or time.monotonic() > deadline:
            return command
        time.sleep(POLL_S)


def _report(command: Command) -> int:
    outcome = command.outcome or "the daemon has not come to it yet"
    say(f"command {command.id} {command.state}: {outcome}")
    return 0 if command.state in (CommandState.DONE, CommandState.WAITING) else 1
