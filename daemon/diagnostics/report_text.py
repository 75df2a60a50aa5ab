"""The report of `maskloop doctor` as text for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def text_lines(value: Any, indent: str = "") -> Iterator[str]:
    """The lines of a report as indented text, one fact each."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _labeled_lines(f"{indent}{name}:", part, indent)
    elif isinstance(value, list):
        for part in value:
            yield from _labeled_lines(f"{indent}-", part, indent)
    else:
        yield from (f"{indent}{line}" for line in str(value).splitlines())


def _labeled_lines(head: str, part: Any, indent: str) -> Iterator[str]:
    if isinstance(part, Mapping) and head.endswith("-") and not _is_deep(part):
        yield f"{head} {', '.join(f'{name}: {value}' for name, value in part.items())}"
    elif isinstance(part, Mapping | list) and part:
        yield head
        yield from text_lines(part, f"{indent}  ")
    elif isinstance(part, str) and "\n" in part:
        yield head
        yield from (f"{indent}  {line}" for line in part.splitlines())
    else:
        empty = part is None or part in ({}, [], "")
        yield f"{head} {'none' if empty else part}"


def _is_deep(row: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Mapping | list) or "\n" in str(value) for value in row.values())
