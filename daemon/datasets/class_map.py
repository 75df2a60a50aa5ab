"""map.toml: which classes of a source are renamed, merged, or have no label.

background = "soil"             # the class with the value 0
ignore = ["unsure", "shadow"]   # their pixels become 255
[rename]
"Sugar Beet" = "crop"           # two with one new name are merged
maize = "crop"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from daemon.config.name_lists import checked_names, read_text
from daemon.domain import IGNORE
from daemon.domain.errors import DatasetRefused
from daemon.domain.formatting import short_repr

KEYS = ("background", "ignore", "rename")
Table = npt.NDArray[np.uint8]  # (classes of the source,): the new value of each


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """What a person wrote. background: "" leaves the class with the value 0 where it is."""

    file: str = ""
    background: str = ""
    ignore: frozenset[str] = frozenset()
    rename: Mapping[str, str] = field(default_factory=dict)

    def apply(self, names: Sequence[str], ignored: frozenset[str]) -> tuple[tuple[str, ...], Table]:
        """The new names, background first, and the new value of each class of the source.

        ignored: classes without a label by convention, unless the map renames them. Raises
        DatasetRefused for names that the source has not, and for a result that is no set of
        classes.
        """
        unknown = sorted((self.ignore | set(self.rename)) - set(names))
        if unknown:
            raise DatasetRefused(
                f"{self.file}: got {unknown[0]!r}; expected classes of the source: "
                f"{', '.join(names[:50])}; correct the name"
            )
        gone = (self.ignore | ignored) - set(self.rename)
        new = {name: self.rename.get(name, name) for name in names if name not in gone}
        kept = tuple(dict.fromkeys(new.values()))
        kept = _first(kept, self.background, self.file)
        try:
            checked_names(kept, self.file or "the classes")
        except ValueError as exc:
            raise DatasetRefused(
                f"{exc}; the source has {', '.join(names[:50])}; rename, merge or ignore classes "
                f"with --classes map.toml"
            ) from exc
        table = [kept.index(new[name]) if name in new else IGNORE for name in names]
        return kept, np.array(table, np.uint8)


def _first(names: tuple[str, ...], background: str, file: str) -> tuple[str, ...]:
    if not background or background in names[:1]:
        return names
    if background not in names:
        raise DatasetRefused(
            f"{file}: background = {background!r}; expected one of the new names: "
            f"{', '.join(names[:50])}; rename the class first"
        )
    return (background, *(name for name in names if name != background))


def read_class_map(path: Path) -> ClassMap:
    """Read map.toml. Raises DatasetRefused that says what is wrong."""
    try:
        content = tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as exc:
        raise DatasetRefused(f"--classes {path}: {exc}; expected a TOML file") from exc
    for name in content:
        if name not in KEYS:
            raise _wrong(path, name, content[name], f"only {', '.join(KEYS)}")
    background = content.get("background", "")
    if not isinstance(background, str):
        raise _wrong(path, "background", background, "the name of a class")
    return ClassMap(
        file=str(path),
        background=background,
        ignore=frozenset(_names(path, content.get("ignore", []))),
        rename=_renamed(path, content.get("rename", {})),
    )


def _names(path: Path, value: Any) -> list[str]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return value
    raise _wrong(path, "ignore", value, "a list of class names")


def _renamed(path: Path, value: Any) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(name, str) for name in value.values()):
        return value
    raise _wrong(path, "rename", value, "a table of OLD = NEW")


def _wrong(path: Path, name: str, value: Any, expected: str) -> DatasetRefused:
    return DatasetRefused(
        f"--classes {path}: {name} = {short_repr(value)}; expected {expected}; correct the line"
    )
