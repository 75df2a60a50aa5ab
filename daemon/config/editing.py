"""Change one setting of a config.toml that people write, and nothing else of it.

tomlkit keeps comments and order; the result is parsed again and compared before the file is
replaced.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from daemon.domain.errors import ConfigError
from daemon.domain.formatting import short_repr
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
    return with_leaf(text, (table, name), value)


def with_leaf(text: str, key: Sequence[str], value: Any) -> str | None:
    """The same for a setting at any depth. key: its table, the names below, its own name."""
    newline = "\r\n" if "\r\n" in text else "\n"
    try:
        document = tomlkit.parse(text if text.endswith("\n") or not text else text + newline)
        section: Any = document
        for depth, part in enumerate(key[:-1]):
            if part not in section:
                section[part] = tomlkit.inline_table() if depth else tomlkit.table()
            section = section[part]
            if not isinstance(section, MutableMapping):
                return None
        section[key[-1]] = value
        changed = tomlkit.dumps(document)
        expected = with_content(tomllib.loads(text), key, value)
    except (TOMLKitError, RecursionError, ValueError, ConfigError):
        return None
    return changed if _says(changed, expected) else None


def without_leaf(text: str, key: Sequence[str]) -> str | None:
    """The text without the line of a setting. None where it is not there, or where the change
    would touch anything else."""
    try:
        section: Any = (document := tomlkit.parse(text))
        for part in key[:-1]:
            section = section[part]
        del section[key[-1]]
        changed = tomlkit.dumps(document)
        expected = without_content(tomllib.loads(text), key)
    except (TOMLKitError, RecursionError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return changed if _says(changed, expected) else None


def with_content(content: Mapping[str, Any], key: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy of a parsed file in which a setting has another value; tables that lack are made.

    Raises ConfigError where a value stands in the place of a table.
    """
    name, *rest = key
    if not rest:
        return {**content, name: value}
    inner = content.get(name, {})
    if not isinstance(inner, Mapping):
        raise ConfigError(
            f"{name} = {short_repr(inner)}: expected a table of settings; remove that line"
        )
    return {**content, name: with_content(inner, rest, value)}


def without_content(content: Mapping[str, Any], key: Sequence[str]) -> dict[str, Any]:
    """A copy of a parsed file without a setting. Raises KeyError where it is not there."""
    name, *rest = key
    if not rest:
        content[name]
        return {one: value for one, value in content.items() if one != name}
    inner = content[name]
    if not isinstance(inner, Mapping):
        raise KeyError(name)
    return {**content, name: without_content(inner, rest)}


def replace_text(path: Path, text: str) -> None:
    """Write the file whole; one that is there keeps its mode. Raises ConfigError."""
    try:
        target = path.resolve()
        with atomic_file(target) as part:
            part.write_text(text, encoding="utf-8", newline="")
            if target.exists():
                _keep_owner_and_mode(part, target.stat())
    except OSError as exc:
        raise ConfigError(describe_os_error(exc, str(path))) from exc


def _keep_owner_and_mode(part: Path, known: os.stat_result) -> None:
    """A file that root changes for the user of the daemon stays that user's."""
    with suppress(PermissionError):
        os.chown(part, known.st_uid, known.st_gid)
    part.chmod(stat.S_IMODE(known.st_mode))


def _says(text: str, expected: Mapping[str, Any]) -> bool:
    """Whether a text is TOML that says this, and nothing else."""
    try:
        return tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        return False
