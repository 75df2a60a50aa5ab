"""Files beside masks that name their classes, with or without the colour of each.

classes.txt, classes.json, codes.txt (a name a line) · labelmap.txt (CVAT: `name:r,g,b::`) ·
label_colors.txt (CamVid: `r g b name`) · class_dict.csv (`name,r,g,b`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.config.name_lists import read_list, read_text
from daemon.datasets.formats.conventions import Colour
from daemon.datasets.source_tree import Tree
from daemon.domain.errors import DatasetRefused

NAMES = ("classes.txt", "classes.json", "codes.txt")
COLOURS = {
    "labelmap.txt": re.compile(r"(?P<name>[^:]+):(?P<r>\d+),(?P<g>\d+),(?P<b>\d+)(:.*)?"),
    "label_colors.txt": re.compile(r"(?P<r>\d+)\s+(?P<g>\d+)\s+(?P<b>\d+)\s+(?P<name>.+)"),
    "class_dict.csv": re.compile(
        r"(?P<name>[^,]+),\s*(?P<r>\d+)\s*,\s*(?P<g>\d+)\s*,\s*(?P<b>\d+)\s*"
    ),
}


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """Names by value, and their colours where the file has them. file: path in the tree."""

    file: str
    names: tuple[str, ...]
    colours: Mapping[Colour, int] = field(default_factory=dict)


def find_table(tree: Tree) -> ClassTable | None:
    """The table nearest to the root; None where there is none.

    Raises DatasetRefused for one that cannot be read.
    """
    known = (*COLOURS, *NAMES)
    found = [path for path in tree.others if path.rpartition("/")[2].lower() in known]
    found.sort(key=lambda path: (path.count("/"), known.index(path.rpartition("/")[2].lower())))
    return _read(tree, found[0]) if found else None


def _read(tree: Tree, path: str) -> ClassTable:
    name = path.rpartition("/")[2].lower()
    try:
        if name in NAMES:
            return ClassTable(
                file=path, names=tuple(dict.fromkeys(read_list(str(tree.path(path)))))
            )
        return _coloured(path, read_text(tree.path(path)), COLOURS[name])
    except ValueError as exc:
        raise DatasetRefused(f"{path}: {exc}; correct the file, or take it out") from exc


def _coloured(path: str, text: str, form: re.Pattern[str]) -> ClassTable:
    names: dict[str, int] = {}
    colours: dict[Colour, int] = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#") or line.replace(" ", "") == "name,r,g,b":
            continue
        found = form.fullmatch(line)
        channels = [int(found[channel][:9]) for channel in "rgb"] if found else []
        if not found or max(channels) > 255:
            raise ValueError(f"line {number}: got {line[:80]!r}; expected a name and r, g, b")
        value = names.setdefault(" ".join(found["name"].split()), len(names))
        colours[channels[0], channels[1], channels[2]] = value
    return ClassTable(file=path, names=tuple(names), colours=colours)
