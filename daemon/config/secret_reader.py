"""Reads a token from the environment or from a file, and checks it; makes one; never shows it."""

from __future__ import annotations

import codecs
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daemon.domain.errors import ConfigError

MOST_BYTES = 10_000  # of a token; a personal one has some hundred


@dataclass(frozen=True, kw_only=True)
class SecretSource:
    """Where a token may come from.

    table: of config.toml. cure_missing: what to do without one; cure_broken: with one that is none.
    """

    table: str
    cure_missing: str
    cure_broken: str

    def from_environment(self, setting: str, name: str) -> str:
        """The token in a variable. Raises ConfigError where there is none."""
        token = os.environ.get(name, "").strip()
        if not token:
            raise ConfigError(
                f"[{self.table}] {setting} = {name!r}: the environment has no such variable; "
                f"{self.cure_missing}"
            )
        return self._sendable(token, f"{setting}: the variable {name}")

    def from_file(self, setting: str, path: Path) -> str:
        """The token in a file. Raises ConfigError where others may read it, or it holds none."""
        where = f"[{self.table}] {setting}"
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError as exc:
            raise ConfigError(
                f"{where}: {path} cannot be read: {exc.strerror}; correct its name, or let this "
                f"user read it"
            ) from exc
        if mode & 0o077:
            raise ConfigError(f"{where}: others may read {path}; run chmod 600 on it")
        token = content.removeprefix(codecs.BOM_UTF8).strip()
        if not token:
            raise ConfigError(f"{where}: {path} is empty; put the token in it")
        return self._sendable(token.decode("latin-1"), f"{setting}: {path}")

    def _sendable(self, token: str, place: str) -> str:
        """The token, where a request can carry it; what it is instead is never shown."""
        is_printable = token.isascii() and token.isprintable() and " " not in token
        if len(token) > MOST_BYTES or not is_printable:
            raise ConfigError(
                f"[{self.table}] {place} holds no token: expected one line of letters, digits and "
                f"signs; {self.cure_broken}"
            )
        return token


def keep_new_secret(path: Path) -> None:
    """Make a random secret in a file of mode 0600, unless there is one. Raises ConfigError where it
    cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "w") as file:
                file.write(f"{secrets.token_urlsafe(32)}\n")
    except OSError as exc:
        raise ConfigError(
            f"{path}: cannot be written: {exc.strerror}; let this user write to the state folder"
        ) from exc
