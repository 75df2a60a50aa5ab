"""Settings by dotted key, as a command line takes them: `loop.batch_images`.

A key is a tuple: table, setting and, inside a table of settings, the name there. A part that is no
bare TOML key stands in quotes: `classes.renamed."old name"`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from daemon.config import learner
from daemon.config.loading import Config
from daemon.config.ranges import fits, nearest
from daemon.config.redaction import Redactor
from daemon.config.rendering import toml_value
from daemon.config.section import Section
from daemon.domain.errors import ConfigError
from daemon.domain.formatting import short_repr

SettingKey = tuple[str, ...]
MOST_CHARACTERS = 100_000  # of a value on the command line
MOST_PARTS = 3
_MARK = "the value of a key"
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True)
class SettingChange:
    """A setting with its value before and after; None: it is not there."""

    key: SettingKey
    before: Any
    after: Any

    def words(self) -> str:
        """The change in a line, without secrets: `[loop] batch_images 20 -> 8`."""
        values = [_value_words(value) for value in (self.before, self.after)]
        text = f"[{self.key[0]}] {key_text(self.key[1:])} {' -> '.join(values)}"
        return Redactor(()).words(text)


def parse_key(text: str) -> SettingKey:
    """The parts of a dotted key. Raises ConfigError for what is no key of a setting."""
    parts = _parts_of(text)
    if parts is None or not 2 <= len(parts) <= MOST_PARTS or not _is_text(text):
        table = next((one for one in Config.model_fields if text in fields_of(one)), "")
        raise ConfigError(
            f"{short_repr(text)}: is no key of a setting; expected TABLE.NAME, such as "
            f"{f'{table}.{text}' if table else 'loop.batch_images'}; a part with other signs "
            f'stands in quotes: classes.renamed."old name"'
        )
    return parts


def parse_value(text: str, key: SettingKey) -> Any:
    """A value as TOML writes it, or a bare text. Raises ConfigError for one that is no text.

    A text setting takes `3` and `true` as they are written; every other one takes their value.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(
            f"{key_text(key)}: got {len(text)} characters; expected the value of one setting"
        )
    if not _is_text(text):
        raise ConfigError(f"{key_text(key)}: {text!r} is no UTF-8 text; expected a value as TOML")
    content = _parsed(f"value = {text}")
    if content is None or set(content) != {"value"}:
        return text
    value, field = content["value"], field_of(key)
    if field is not None and not fits(value, field) and fits(text, field):
        return text
    return value


def key_text(key: SettingKey) -> str:
    """The key with dots, and with quotes where a part needs them."""
    return ".".join(part if _BARE.fullmatch(part) else _quoted(part) for part in key)


def field_of(key: SettingKey) -> FieldInfo | None:
    """Type, range and meaning of a setting; None where there is none of that name."""
    fields = fields_of(key[0]) if key else {}
    if len(key) == 2:
        return fields.get(key[1])
    if len(key) == 3 and key[:2] == ("training", "settings"):
        return learner.fields_of_settings().get(key[2])
    return None


def fields_of(table: str) -> Mapping[str, FieldInfo]:
    """The settings of a table by name; empty for a table that does not exist."""
    found = Config.model_fields.get(table)
    kind: Any = found.annotation if found else None
    is_table = isinstance(kind, type) and issubclass(kind, Section)
    return kind.model_fields if is_table else {}


def is_open_table(key: SettingKey) -> bool:
    """Whether a setting is a table that takes settings of other names."""
    field = field_of(key) if len(key) == 2 else None
    return field is not None and get_origin(field.annotation) is Mapping


def flat_settings(config: Config) -> dict[SettingKey, Any]:
    """Every setting and its value; a table of settings gives one for each name that it holds."""
    return dict(_flat(config))


def changes_between(before: Config, after: Config) -> list[SettingChange]:
    """The settings that differ, in the order of the file; one that only one of them has is None in
    the other."""
    old, new = flat_settings(before), flat_settings(after)
    changes = [
        SettingChange(key=key, before=old.get(key), after=new.get(key))
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]
    tables = list(Config.model_fields)
    return sorted(changes, key=lambda change: tables.index(change.key[0]))


def require_known(text: str, known: Mapping[SettingKey, object]) -> list[SettingKey]:
    """The keys that a text names: a setting, or all of a table; none for a table of settings that
    is empty. Raises ConfigError for an unknown name."""
    parts = _parts_of(text)
    found = [key for key in known if parts and key[: len(parts)] == parts]
    if not found and not (parts and is_open_table(parts)):
        names = [key_text(key) for key in known] + [key[0] for key in known]
        raise ConfigError(
            f"{short_repr(text)}: there is no such setting or table{nearest(text, names)}; "
            f"`maskloop config show` lists all of them"
        )
    return found


def _flat(config: Config) -> Iterator[tuple[SettingKey, Any]]:
    for table in Config.model_fields:
        section = getattr(config, table)
        if not isinstance(section, Section):
            continue
        for name in type(section).model_fields:
            value = getattr(section, name)
            if isinstance(value, Mapping):
                yield from (((table, name, inner), one) for inner, one in value.items())
            else:
                yield (table, name), value


def _parts_of(text: str) -> SettingKey | None:
    """The parts of a dotted key; None for a text that is none."""
    parts: list[str] = []
    value: object = None if "\n" in text else _parsed(f"{text} = {json.dumps(_MARK)}")
    while isinstance(value, dict) and len(value) == 1:
        name, value = next(iter(value.items()))
        parts.append(name)
    return tuple(parts) if value == _MARK else None


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None


def _is_text(text: str) -> bool:
    """Whether it can be written: an argument that is no UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _quoted(part: str) -> str:
    return json.dumps(part, ensure_ascii=False)


def _value_words(value: object) -> str:
    if value is None:
        return "not set"
    text = toml_value(value)
    return text if len(text) <= 120 else short_repr(value)
