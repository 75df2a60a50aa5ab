"""Changing one setting of a config.toml that people write: its line, and nothing else."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from pathlib import Path

from daemon.domain.errors import ConfigError
from daemon.domain.os_errors import in_words
from daemon.runs.durable import atomic_file

# On one line: a list of texts, a text, a number or a word.
_VALUE = r"\[[^\]\n]*\]|\"[^\"\n]*\"|'[^'\n]*'|[^\s#]+"
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
    """The text with [table] name = value; None where that would change anything else.

    The line that sets it is changed; without one a line is put below the head of the table, and
    without that the table at the end.
    """
    said = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    head = re.search(rf"^[ \t]*\[[ \t]*{re.escape(table)}[ \t]*\][^\n]*$", text, re.MULTILINE)
    if head is None:
        changed = f"{text.rstrip()}\n\n[{table}]\n{said}\n"
    else:
        start = head.end()
        following = re.compile(r"^[ \t]*\[", re.MULTILINE).search(text, start)
        end = following.start() if following else len(text)
        line = re.compile(
            rf"^([ \t]*){re.escape(name)}[ \t]*=[ \t]*(?:{_VALUE})",
            re.MULTILINE,
        )
        inside, times = line.subn(lambda found: f"{found[1]}{said}", text[start:end], count=1)
        inside = inside if times else f"\n{said}{inside}"
        changed = text[:start] + inside + text[end:]
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
        raise ConfigError(in_words(exc, str(path))) from exc


def _differs_there_only(text: str, changed: str, table: str, name: str, value: Value) -> bool:
    try:
        before, after = tomllib.loads(text), tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        return False
    section = before.get(table, {})
    return isinstance(section, dict) and after == {**before, table: {**section, name: value}}
