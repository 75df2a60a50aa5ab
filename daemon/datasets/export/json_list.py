"""A JSON file with one long list, written entry by entry."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Mapping
from pathlib import Path
from typing import Any, Self


class JsonList:
    """A list below `key` of an object with the further `fields`; without a key the list alone.

    Memory: one entry. Raises ValueError for NaN and infinity.
    """

    def __init__(self, path: Path, key: str = "", fields: Mapping[str, Any] | None = None) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._is_alone = not key
        self._between = ""
        before = "".join(f"{json.dumps(name)}: {_text(one)},\n" for name, one in _of(fields))
        self._file.write(f"{{{before}{json.dumps(key)}: [" if key else "[")

    def add(self, entry: Any) -> None:
        """Write an entry."""
        self._file.write(f"{self._between}\n{_text(entry)}")
        self._between = ","

    def close(self, fields: Mapping[str, Any] | None = None) -> None:
        """End the list, write further fields behind it, and end the file."""
        after = "".join(f",\n{json.dumps(name)}: {_text(one)}" for name, one in _of(fields))
        self._file.write("\n]\n" if self._is_alone else f"\n]{after}}}\n")
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()  # which twice does no harm


def _of(fields: Mapping[str, Any] | None) -> ItemsView[str, Any]:
    return (fields or {}).items()


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
