"""config.toml as text: how it is read, and in which line each setting stands."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from daemon.domain.errors import ConfigError

MOST_BYTES = 2_000_000  # every setting with its comment takes some thousand
Lines = Mapping[tuple[str, ...], int]


def read_toml(path: Path) -> str:
    """The text of a file that should be TOML. Raises ConfigError in words for any other thing."""
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: is a folder; expected a file such as {path}/config.toml")
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: is no file; name one with --config")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError as exc:
        if path.is_symlink():
            raise ConfigError(f"{path}: is a link to no file; correct or remove the link") from exc
        raise ConfigError(f"{path}: no such file; `maskloop init` writes one") from exc
    except (OSError, ValueError) as exc:
        words = getattr(exc, "strerror", None) or str(exc)
        raise ConfigError(
            f"{path}: cannot be read: {words}; let this user read it, or name another file with "
            f"--config"
        ) from exc
    if len(content) > MOST_BYTES:
        raise ConfigError(
            f"{path}: has more than {MOST_BYTES} bytes; expected the settings; name another file "
            f"with --config"
        )
    return _text(path, content)


def lines_of(text: str) -> Lines:
    """Table and setting -> the line, counted from 1, where it stands. Text that is no TOML gives
    what could be read of it."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, statement, content in _statements(text):
        paths = list(_paths(content))
        if statement.lstrip().startswith("["):
            table = paths[0] if paths else ()
            found.setdefault(table, number)
            continue
        for path in paths:
            for depth in range(1, len(path) + 1):
                found.setdefault((*table, *path[:depth]), number)
    return found


def _text(path: Path, content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError(f"{path}: is UTF-16; expected UTF-8, as TOML wants it; save it as UTF-8")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise ConfigError(
            f"{path}: cannot be read as TOML: line {line} is no UTF-8 text; save the file as UTF-8"
        ) from exc


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(line, text, content) of every header and setting, which may go over several lines."""
    pending, first = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not pending:
            first = number
        pending += f"{line}\n"
        try:
            content = tomllib.loads(pending)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError):
            continue
        if content:
            yield first, pending, content
        pending = ""


def _paths(content: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The path of every leaf; an empty table, or a list of tables, is one."""
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from ((name, *path) for path in _paths(value))
        else:
            yield (name,)
