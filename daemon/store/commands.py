"""Commands: what people asked the loop to do, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from daemon.domain.commands import JSON, AccessRole, Command, CommandState
from daemon.domain.errors import CommandRefused
from daemon.domain.faults import printable
from daemon.store.base import Row, StoreBase, parse_time, stamp, utf_8

MOST_WAITING = 1000  # commands that may wait at once
BUSY_S = 5  # a web request or `maskloop ask` waits so long for the daemon's own writes


class CommandQueries(StoreBase):
    """Queries on commands."""

    def add_command(
        self,
        verb: str,
        arguments: Mapping[str, JSON],
        *,
        asked_by: str,
        role: AccessRole,
        at: datetime,
    ) -> int:
        """Keep a command for the next tick; returns its id. Raises CommandRefused where too many
        wait, and where the arguments are no JSON."""
        try:
            written = json.dumps(arguments, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as exc:
            raise CommandRefused(f"arguments: {exc}; expected JSON; correct them") from exc
        row = {
            "verb": utf_8(verb),
            "arguments": written,
            "asked_by": utf_8(asked_by),
            "role": role.value,
            "asked_at": stamp(at),
            "state": CommandState.WAITING.value,
        }
        sql = (  # one statement, so that the daemon cannot write in between
            f"INSERT INTO commands ({', '.join(row)}) SELECT ?, ?, ?, ?, ?, ? "
            "WHERE (SELECT count(*) FROM commands WHERE state = 'waiting') < ?"
        )
        with self.atomic():
            added = self._db.execute(sql, [*row.values(), MOST_WAITING])
        if not added.rowcount:
            raise CommandRefused(
                f"{MOST_WAITING} commands wait already; start `maskloop run`, which carries them "
                f"out"
            )
        return int(added.lastrowid or 0)

    def command(self, command_id: int) -> Command | None:
        """The command with this id; None where there is none."""
        if not -(2**63) <= command_id < 2**63:
            return None
        rows = self._rows("SELECT * FROM commands WHERE id = ?", command_id)
        return _command(rows[0]) if rows else None

    def commands(self, limit: int = 50) -> list[Command]:
        """The newest commands, newest first."""
        return [
            _command(row)
            for row in self._rows("SELECT * FROM commands ORDER BY id DESC LIMIT ?", limit)
        ]

    def waiting_commands(self) -> list[Command]:
        """The commands that are not carried out yet, oldest first."""
        sql = "SELECT * FROM commands WHERE state = 'waiting' ORDER BY id"
        return [_command(row) for row in self._rows(sql)]

    def keep_outcome(
        self, command_id: int, state: CommandState, outcome: str, at: datetime
    ) -> None:
        """Keep what became of a command; one that waits on has no end."""
        finished = None if state is CommandState.WAITING else stamp(at)
        self._write(
            "UPDATE commands SET state = ?, outcome = ?, finished_at = ? WHERE id = ?",
            state.value,
            utf_8(printable(outcome)),
            finished,
            command_id,
        )

    def ever_excluded_by_people(self) -> set[int]:
        """Ids of the images that a person ever left out of the pool, also those that came back."""
        rows = self._rows(
            "SELECT DISTINCT image.value AS id FROM commands, json_each(arguments, '$.ids') image "
            "WHERE verb = 'exclude' AND state = 'done' AND image.type = 'integer'"
        )
        return {row["id"] for row in rows}


class CommandWriter(CommandQueries):
    """A short connection that adds commands beside the daemon. It never changes the schema."""

    def _prepare(self) -> None:
        self._db.execute(f"pragma busy_timeout = {BUSY_S * 1000}")
        self._db.execute("pragma synchronous = full")
        self._db.execute("pragma foreign_keys = on")


@contextmanager
def command_writer(path: Path) -> Iterator[CommandWriter]:
    """The only way in which anything but the daemon writes into its store: for commands.

    path: of the store. Raises CommandRefused before the first run, StoreTooOld for a store of an
    older Maskloop.
    """
    if not path.exists():
        raise CommandRefused(f"{path}: no store yet; start the loop with `maskloop run`, ask then")
    with CommandWriter(path) as store:
        store.require_current(path)
        yield store


def _command(row: Row) -> Command:
    return Command(
        id=row["id"],
        verb=row["verb"],
        arguments=json.loads(row["arguments"]),
        asked_by=row["asked_by"],
        role=AccessRole(row["role"]),
        asked_at=datetime.fromisoformat(row["asked_at"]),
        state=CommandState(row["state"]),
        outcome=row["outcome"],
        finished_at=parse_time(row["finished_at"]),
    )
