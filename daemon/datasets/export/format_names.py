"""Class names in formats whose background is what no object covers.

On the way back `maskloop import` calls that "background", and it reads pixels without a label from
a class of their own; map.toml, which the export writes, takes both back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.datasets.samples import BACKGROUND
from daemon.domain.errors import ExportRefused

NO_LABEL = "no label"
MAP = "map.toml"


def no_label_name(classes: Sequence[str]) -> str:
    """A name for pixels without a label that no class has."""
    name = NO_LABEL
    while name in classes:
        name = f"{name} (255)"
    return name


def require_plain(classes: Sequence[str], form: str) -> None:
    """Raise ExportRefused where another class than the first is called background, and where two
    names differ only in their blanks."""
    if twice := [
        name for name in classes if read_name(name) != name and read_name(name) in classes
    ]:
        raise ExportRefused(
            f"--format {form}: got the classes {read_name(twice[0])!r} and {twice[0]!r}; expected "
            f"names that differ in more than blanks; rename one, or use --format png"
        )
    if BACKGROUND in classes[1:]:
        raise ExportRefused(
            f"--format {form}: got the class {BACKGROUND!r} with the value "
            f"{classes.index(BACKGROUND)}; expected it first: in this format it is what no object "
            f"covers; rename it, or use --format png"
        )


def read_name(name: str) -> str:
    """How the import reads the name of a class in COCO, CVAT, Datumaro and YOLO: runs of blanks
    are one."""
    return " ".join(name.split())


def write_map(
    path: Path, classes: Sequence[str], ignored: Sequence[str], read_as: Callable[[str], str] = str
) -> None:
    """Write map.toml, for `maskloop import --classes`. read_as: class -> its name in the import."""
    lines = []
    if ignored:
        lines.append(f"ignore = [{', '.join(map(_quoted, ignored))}]")
    read = (BACKGROUND, *map(read_as, classes[1:]))
    if renamed := [(old, new) for old, new in zip(read, classes, strict=True) if old != new]:
        lines += ["[rename]", *(f"{_quoted(old)} = {_quoted(new)}" for old, new in renamed)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
