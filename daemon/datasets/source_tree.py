"""The files of a source, each by its path below the root. What is not listed is not read: a path
in a file of the source can name nothing outside."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from daemon.pixels.folders import LeftOut, PictureFolder, Reason
from daemon.pixels.formats import Kind


@dataclass(frozen=True)
class Tree:
    """A folder that was listed.

    kinds: path of each file whose bytes are a picture -> which kind. others: paths of the other
    files. left_out: files that seem to be pictures and cannot be used. Links to outside are not
    followed.
    """

    root: Path
    kinds: Mapping[str, Kind]
    others: tuple[str, ...]
    left_out: Sequence[LeftOut] = ()

    def path(self, name: str) -> Path:
        """Where a listed file is."""
        return self.root / name

    @property
    def pictures(self) -> tuple[str, ...]:
        """The paths of the pictures, in order."""
        return tuple(self.kinds)

    @cached_property
    def others_listed(self) -> frozenset[str]:
        """The paths of the other files, to look one up."""
        return frozenset(self.others)

    def ending(self, suffix: str) -> tuple[str, ...]:
        """The other files whose name ends so, in any case."""
        return tuple(name for name in self.others if name.lower().endswith(suffix))

    def picture_like(self, named: str) -> str | None:
        """The picture that a file of the source means by a path or an address of its own.

        That whose path ends with most of its parts; None where there is none, or several are as
        good.
        """
        parts = tuple(
            part for part in PurePosixPath(named.replace("\\", "/")).parts if part not in ("/", ".")
        )
        found = self._by_name.get(parts[-1], ()) if parts else ()
        if len(found) < 2:
            return found[0] if found else None
        scored = sorted(((_shared(path, parts), path) for path in found), reverse=True)
        return scored[0][1] if scored[0][0] > scored[1][0] else None

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for path in self.pictures:
            found[path.rpartition("/")[2]].append(path)
        return found


def list_tree(root: Path) -> Tree:
    """List a folder with all folders in it."""
    listing = PictureFolder(root, within=root, shown_in_browser=False).listing()
    others = sorted(
        one.path
        for one in listing.left_out
        if one.reason is Reason.NO_PICTURE and (root / one.path).is_file()
    )
    return Tree(
        root=root,
        kinds=listing.pictures,
        others=tuple(others),
        left_out=tuple(one for one in listing.left_out if not one.reason.expected),
    )


def stem_of(path: str) -> str:
    """A path without the ending of its file name."""
    return os.path.splitext(path)[0]


def _shared(path: str, parts: Sequence[str]) -> tuple[int, int]:
    """How many parts two paths share at their ends; at equal numbers the shorter path is better."""
    own = path.split("/")
    number = 0
    while number < min(len(own), len(parts)) and own[-1 - number] == parts[-1 - number]:
        number += 1
    return number, -len(own)
