"""What is wrong with config.toml, in words: line, table, setting, what was got and expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from daemon.config import learner
from daemon.config.ranges import expected, nearest
from daemon.config.toml_lines import Lines
from daemon.domain.formatting import short_repr


@dataclass(frozen=True, kw_only=True)
class SettingFault:
    """One fault. path: table and setting, or the table alone. words: all but the place."""

    path: tuple[str, ...]
    words: str

    def sentence(self, lines: Lines) -> str:
        """The fault with the line where the setting stands, where it stands in the file."""
        depths = range(len(self.path), 0, -1)
        line = next((lines[self.path[:n]] for n in depths if self.path[:n] in lines), None)
        return f"  {f'line {line}: ' if line else ''}[{self.path[0]}] {self.words}"


def faults_in_words(model: type[BaseModel], found: ValidationError) -> list[SettingFault]:
    """What pydantic found, each setting once, with the range that our own types state."""
    faults: dict[tuple[str, ...], SettingFault] = {}
    for error in found.errors():
        fault = _fault(model, error)
        faults.setdefault(fault.path, fault)
    return list(faults.values())


def setting_faults(content: Mapping[str, Any]) -> list[SettingFault]:
    """The faults of the learner's settings in [training], which are checked by their own model."""
    training = content.get("training", {})
    settings = training.get("settings", {}) if isinstance(training, Mapping) else {}
    if not isinstance(settings, Mapping):
        return []
    preset = {"preset": training["preset"]} if "preset" in training else {}
    faults = learner.faults_of({**preset, **settings})
    return [
        SettingFault(path=_place(name, settings), words=f"{_kind(name, settings)}{words}")
        for name, found in faults.items()
        for words in found
    ]


def _place(name: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    within = name in settings or name != "preset"
    return ("training", "settings", name) if within else ("training", name)


def _kind(name: str, settings: Mapping[str, Any]) -> str:
    return "settings: " if name in settings or name != "preset" else ""


def _fault(model: type[BaseModel], error: ErrorDetails) -> SettingFault:
    table, *rest = map(str, error["loc"])
    if not rest:
        return SettingFault(path=(table,), words=_of_table(model, table, error))
    fields = _fields_of(model, table)
    key = rest[0]
    if error["type"] == "extra_forbidden":
        near = nearest(key, fields)
        words = f"{key} = {short_repr(error['input'])}: there is no such setting{near}"
    elif error["type"] == "value_error":
        words = f"{key}: {error['ctx']['error']}"
    else:
        words = f"{key} = {short_repr(error['input'])}: {_expected(fields[key], rest)}"
    return SettingFault(path=(table, key, *_inner(fields, rest)), words=words)


def _of_table(model: type[BaseModel], table: str, error: ErrorDetails) -> str:
    tables = [name for name in model.model_fields if name != "home"]
    homes = [name for name in tables if table in _fields_of(model, name)]
    if homes and not isinstance(error["input"], Mapping):
        return f"stands outside of any table; expected it below [{homes[0]}]; move the line there"
    if error["type"] == "extra_forbidden":
        return f"there is no such table{nearest(table, tables)}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return f"{short_repr(error['input'])}: expected a table; write [{table}] above its settings"


def _expected(field: FieldInfo, rest: Sequence[str]) -> str:
    if _is_mapping(field) and len(rest) > 1:
        return f"{rest[1]}: expected a number, a text, true, false or a list of them"
    default = f"delete the line for the default {short_repr(field.default)}"
    return f"expected {expected(field)} ({field.description}); {default}"


def _inner(fields: Mapping[str, FieldInfo], rest: Sequence[str]) -> Iterator[str]:
    """The name inside a table of settings, so that each of these has a fault of its own."""
    if len(rest) > 1 and rest[0] in fields and _is_mapping(fields[rest[0]]):
        yield rest[1]


def _is_mapping(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is Mapping


def _fields_of(model: type[BaseModel], table: str) -> Mapping[str, FieldInfo]:
    kind: Any = model.model_fields[table].annotation
    is_table = isinstance(kind, type) and issubclass(kind, BaseModel)
    return kind.model_fields if is_table else {}
