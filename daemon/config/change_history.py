"""Who changed which setting, when and to what: a line for each change, beside the store.

state/config-history.jsonl holds the newest changes that the command line made. A line that a power
cut left half is passed over.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from daemon.config.redaction import Redactor
from daemon.domain.errors import ConfigError
from daemon.domain.os_errors import describe_os_error
from daemon.runs.durable import atomic_file

FILE = "config-history.jsonl"
MOST_CHANGES = 1000  # kept; older ones are dropped


@dataclass(frozen=True, kw_only=True)
class ConfigChange:
    """One change. at: ISO 8601 with a zone. by: the user of this machine. before, after: as TOML,
    without secrets; "" where the setting was not in the file."""

    at: str
    by: str
    file: str
    key: str
    before: str
    after: str

    def line(self) -> str:
        """The change in a line, for a person."""
        values = f"{self.before or '(not set)'} -> {self.after or '(not set)'}"
        return f"{self.at}  {self.by}  {self.key}  {values}"


@contextmanager
def sole_editor(path: Path) -> Iterator[None]:
    """Nobody else changes this file by the command line inside the block; waits for who does.

    The folder of the file is locked, which leaves no further file. Raises ConfigError.
    """
    try:
        folder = os.open(path.resolve().parent, os.O_RDONLY)
    except OSError as exc:
        raise ConfigError(describe_os_error(exc, str(path))) from exc
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def keep_change(state: Path, change: ConfigChange) -> None:
    """Add a change, durably; drop the oldest ones. Raises OSError."""
    state.mkdir(parents=True, exist_ok=True)
    safe = {name: Redactor(()).words(value) for name, value in asdict(change).items()}
    kept = [json.dumps(asdict(one)) for one in changes(state)][-(MOST_CHANGES - 1) :]
    with atomic_file(state / FILE) as part:
        part.write_text("".join(f"{line}\n" for line in [*kept, json.dumps(safe)]))


def changes(state: Path) -> Sequence[ConfigChange]:
    """The kept changes, oldest first; none before the first."""
    try:
        lines = (state / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [change for line in lines if (change := _parsed(line)) is not None]


def new_change(path: Path, key: str, before: str, after: str, at: datetime) -> ConfigChange:
    """A change by the user of this process."""
    return ConfigChange(
        at=at.isoformat(timespec="seconds"),
        by=_user(),
        file=str(path.absolute()),
        key=key,
        before=before,
        after=after,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a name for the user
        return f"user {os.getuid()}"


def _parsed(line: str) -> ConfigChange | None:
    try:
        return ConfigChange(**json.loads(line))
    except (ValueError, TypeError):
        return None
