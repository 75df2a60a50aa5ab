"""Lists that people write: names of classes, ids of images. One reader for all of them.

A text file holds one entry a line; blanks inside an entry belong to it, blanks around it do not,
empty lines count for nothing. A .json file holds a list, or lists by name. UTF-8 with and without
a byte order mark, UTF-16 with one, and the line ends of every system are read.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon.config.ranges import expanded_path
from daemon.config.text_checks import require_names
from daemon.domain.formatting import short_repr

MOST_BYTES = 256_000_000  # some million names
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_list(source: str, home: Path = Path()) -> list[str]:
    """The entries of FILE, or of the list NAME in FILE.json, written as FILE.json:NAME.

    home: the folder that a relative path starts from. Raises ValueError that says what is wrong
    and what was expected.
    """
    path, name = _file_and_name(expanded_path(source), home)
    text = read_text(path)
    if name is None and path.suffix.lower() != ".json":
        return [line.strip() for line in text.splitlines() if line.strip()]
    return _of_json(path, text, name)


def read_lists(path: Path) -> dict[str, list[str]]:
    """All lists by name of a JSON file such as splits.json. Raises ValueError in words."""
    content = _json(path, read_text(path))
    if isinstance(content, dict):
        return {str(name): _entries(path, value) for name, value in content.items()}
    raise ValueError(f"{path}: got {short_repr(content)}; expected lists by name")


def read_class_names(source: str) -> tuple[str, ...]:
    """The names in a file, background first. Raises ValueError, also for names that are alike."""
    return checked_names(read_list(source), source)


def names_given(text: str) -> tuple[str, ...]:
    """Class names as an option has them: `a,b,c`, or a file with one a line. Raises ValueError."""
    if not text.strip():
        return ()
    if is_file(text):
        return read_class_names(text)
    return checked_names([name.strip() for name in text.split(",") if name.strip()], text)


def checked_names(names: Sequence[str], source: str) -> tuple[str, ...]:
    """The names, where they are the names of classes. Raises ValueError."""
    try:
        require_names(names)
    except ValueError as exc:
        raise ValueError(f"{source}: {exc}") from exc
    return tuple(names)


def read_text(path: Path) -> str:
    """A text in any usual encoding, without its byte order mark. Raises ValueError in words."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise ValueError(f"{path}: cannot be read: {exc.strerror}; name a file") from exc
    if len(content) > MOST_BYTES:
        raise ValueError(f"{path}: has more than {MOST_BYTES} bytes; expected a list of names")
    try:
        text = content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise ValueError(
            f"{path}: line {line} is no UTF-8 text; expected one entry a line; save the file as "
            f"UTF-8"
        ) from exc
    if "\0" in text:
        raise ValueError(
            f"{path}: holds zero bytes; expected a text with one entry a line; save it as UTF-8"
        )
    return text


def is_file(text: str) -> bool:
    """Whether a text that a person typed names a file."""
    try:
        return Path(expanded_path(text)).is_file()
    except (OSError, ValueError):
        return False


def _file_and_name(source: str, home: Path) -> tuple[Path, str | None]:
    whole = home / source
    file, colon, name = source.rpartition(":")
    if not colon or whole.is_file():
        return whole, None
    return home / file, name


def _of_json(path: Path, text: str, name: str | None) -> list[str]:
    content = _json(path, text)
    if name is not None:
        if not isinstance(content, dict) or name not in content:
            known = f", such as {short_repr(next(iter(content)))}" if _named(content) else ""
            raise ValueError(f"{path}: has no list {name!r}; expected one by that name{known}")
        content = content[name]
    return _entries(path, content)


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"{path}: is no JSON: {exc}; expected a list of names") from exc


def _entries(path: Path, content: object) -> list[str]:
    if not isinstance(content, list) or not all(isinstance(one, str) for one in content):
        raise ValueError(
            f"{path}: got {short_repr(content)}; expected a list of names in quotes, "
            f'["a", "b"], or a file with lists by name and {path.name}:NAME'
        )
    return [one.strip() for one in content if one.strip()]


def _named(content: object) -> bool:
    return isinstance(content, dict) and bool(content)
