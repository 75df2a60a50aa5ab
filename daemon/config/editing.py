"""Change one setting of a config.toml that people write, and nothing else of it.

tomlkit keeps comments and order; the result is parsed again and compared before the file is
replaced.
"""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import MutableMapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from daemon.domain.errors import ConfigError
from daemon.domain.os_errors import describe_os_error
from daemon.runs.durable import atomic_file

Value = int | float | str | list[str]
_BYTE_ORDER_MARK = "\ufeff"


def write_setting(path: Path, table: str, name: str, value: Value) -> None:
    """Set [table] name in the file, whole or not at all. Raises ConfigError where its line cannot
    be found, or the file cannot be written."""
    content = path.read_bytes().decode("utf-8")
    text = content.removeprefix(_BYTE_ORDER_MARK)
    changed = with_setting(text, table, name, value)
    if changed is None:
        raise ConfigError(
            f"{path}: found no place for {name}; write "
            f"{name} = {json.dumps(value, ensure_ascii=False)} under [{table}]"
        )
    replace_text(path, content[: len(content) - len(text)] + changed)


def with_setting(text: str, table: str, name: str, value: Value) -> str | None:
    """The text with [table] name = value; comments, order and line ends stay.

    A setting that is not there goes into its table, a table that is not there to the end. None
    where the text is no TOML, or where the change would touch anything else.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    try:
        document = tomlkit.parse(text if text.endswith("\n") or not text else text + newline)
        if table not in document:
            document.add(table, tomlkit.table())
        section = document[table]
        if not isinstance(section, MutableMapping):
            return None
        section[name] = value
        changed = tomlkit.dumps(document)
    except (TOMLKitError, RecursionError, ValueError):
        return None
    return changed if _differs_there_only(text, changed, table, name, value) else None


def replace_text(path: Path, text: str) -> None:
    """Write the file whole; one that is there keeps its mode. Raises ConfigError."""
    try:
        target = path.resolve()
        with atomic_file(target) as part:
            part.write_text(text, encoding="utf-8", newline="")
            if target.exists():
                part.chmod(stat.S_IMODE(target.stat().st_mode))
    except OSError as exc:
        raise ConfigError(describe_os_error(exc, str(path))) from exc


def _differs_there_only(text: str, changed: str, table: str, name: str, value: Value) -> bool:
    try:
        before, after = tomllib.loads(text), tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        return False
    section = before.get(table, {})
    return isinstance(section, dict) and after == {**before, table: {**section, name: value}}
