"""Names of people in what is shown: fields that hold them are marked, and are renamed for those who
may not see names. Pure."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel

AnyModel = TypeVar("AnyModel", bound=BaseModel)


class NameMark:
    """Marks a text that is the name of a person, or its number in the labeling tool."""


class FullNameMark:
    """Marks the name that stands for a person beside their number; others see none."""


class MentionMark:
    """Marks a sentence that may mention a person."""


PersonName = Annotated[str, NameMark()]
FullName = Annotated[str, FullNameMark()]
Mention = Annotated[str, MentionMark()]


class Pseudonyms:
    """A number in the place of each name: "person 1", in the order of `names`.

    names: of everybody who ever answered, first come first.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._known = {name: f"person {number}" for number, name in enumerate(names, start=1)}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._in_sentences = {_as_mentioned(name): self._known[name] for name in longest_first}

    def of(self, name: str) -> str:
        """The pseudonym of a person; a new one for somebody who is not known yet."""
        if not name:
            return name
        return self._known.setdefault(name, f"person {len(self._known) + 1}")

    def in_sentence(self, words: str) -> str:
        """A sentence with the pseudonyms of all known people in it."""
        for mentioned, pseudonym in self._in_sentences.items():
            words = words.replace(mentioned, pseudonym)
        return words


def without_names(model: AnyModel, people: Pseudonyms) -> AnyModel:
    """The same model with a pseudonym in the place of each name that a field holds."""
    changes = {}
    for name in _fields_with_names(type(model)):
        if name not in model.model_fields_set:
            continue
        field = type(model).model_fields[name]
        before = getattr(model, name)
        after = _renamed(before, field.annotation, field.metadata, people)
        if after is not before:
            changes[name] = after
    return model.model_copy(update=changes) if changes else model


@cache
def _fields_with_names(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields that may hold a name, at any depth: the others are not looked through."""
    return tuple(
        name
        for name, field in model.model_fields.items()
        if _may_hold_names(field.annotation, field.metadata, frozenset({model}))
    )


def _may_hold_names(kind: Any, marks: Sequence[Any], inside: frozenset[type[BaseModel]]) -> bool:
    """Whether values of a type may hold names. inside: the models that are being looked through."""
    kind, marks = _unwrapped(kind, marks)
    if any(isinstance(mark, NameMark | FullNameMark | MentionMark) for mark in marks):
        return True
    if parts := typing.get_args(kind):
        return any(_may_hold_names(part, (), inside) for part in parts)
    if not isinstance(kind, type) or kind is object:
        return kind not in (None, ...) and not isinstance(kind, str | int)  # Any: look through it
    if not issubclass(kind, BaseModel) or kind in inside:
        return False
    deeper = inside | {kind}
    fields = kind.model_fields.values()
    found = (_may_hold_names(field.annotation, field.metadata, deeper) for field in fields)
    return not fields or any(found)


def _renamed(value: Any, kind: Any, marks: Sequence[Any], people: Pseudonyms) -> Any:
    """The value of a field of this type, renamed. marks: what annotates the type."""
    kind, marks = _unwrapped(kind, marks)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind, marks = _unwrapped(_member_for(value, kind), marks)
    if isinstance(value, BaseModel):
        return without_names(value, people)
    if isinstance(value, str):
        if any(isinstance(mark, NameMark) for mark in marks):
            return people.of(value)
        if any(isinstance(mark, FullNameMark) for mark in marks):
            return ""
        is_mention = any(isinstance(mark, MentionMark) for mark in marks)
        return people.in_sentence(value) if is_mention else value
    parts = typing.get_args(kind)
    if isinstance(value, Mapping) and len(parts) == 2:
        return {
            _renamed(key, parts[0], (), people): _renamed(each, parts[1], (), people)
            for key, each in value.items()
        }
    if isinstance(value, tuple | list) and parts:
        return type(value)(_renamed(each, parts[0], (), people) for each in value)
    return value


def _unwrapped(kind: Any, marks: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    if typing.get_origin(kind) is not Annotated:
        return kind, marks
    inner, *more = typing.get_args(kind)
    return inner, [*marks, *more]


def _member_for(value: Any, union: Any) -> Any:
    """The member of a union that holds a value: the first that is not None. A union of two types
    that both hold names is not known here."""
    members = [each for each in typing.get_args(union) if each is not type(None)]
    return members[0] if value is not None and members else type(None)


def _as_mentioned(name: str) -> str:
    """A name as sentences have it: a bare number is that of a user of the labeling tool."""
    return f"user {name}" if name.isdigit() else name
