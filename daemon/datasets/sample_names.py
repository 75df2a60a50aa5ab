"""The name of each imported image: the id that lists and masks go by."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence

from daemon.datasets.source_tree import stem_of

MOST_BYTES = 200  # of a name; a file system allows 255 with the ending
_UNUSABLE = re.compile(r'[\\/:*?"<>|]')


def names_of(paths: Sequence[str]) -> list[str]:
    """A name for each path, all different, also where case does not count.

    The name of the file without its ending, where no other has it; else with the folders below
    the one that holds all images, joined by "__".
    """
    shared = os.path.commonpath([f"/{path}" for path in paths]) if paths else "/"
    plain = [_usable(stem_of(path.rpartition("/")[2])) for path in paths]
    often = Counter(name.lower() for name in plain)
    names = [
        name if often[name.lower()] == 1 else _usable(_below(path, shared).replace("/", "__"))
        for name, path in zip(plain, paths, strict=True)
    ]
    taken = Counter(name.lower() for name in names)
    return [
        name if taken[name.lower()] == 1 else _with_digest(name, path)
        for name, path in zip(names, paths, strict=True)
    ]


def _below(path: str, shared: str) -> str:
    return stem_of(os.path.relpath(f"/{path}", shared))


def _usable(name: str) -> str:
    """A name that a line of a list can hold and every file system takes."""
    name = _UNUSABLE.sub("_", name).strip().lstrip(".") or "image"
    return name if len(name.encode()) <= MOST_BYTES else _with_digest(name[:40], name)


def _with_digest(name: str, whole: str) -> str:
    return f"{name}_{hashlib.sha256(whole.encode()).hexdigest()[:12]}"
