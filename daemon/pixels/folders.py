"""The pictures of a folder, recognized by their bytes, and what was left out and why.

Links are followed, since whoever may write into the folder wants what they point to. A link to a
folder that contains it is not entered; `within` limits where links may point.
"""

from __future__ import annotations

import enum
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.pixels.formats import START_BYTES, Kind, kind_of, looks_like

# People expect files with these suffixes to be used, so leaving one out is a fault.
_SUFFIXES = frozenset(
    [
        ".avif",
        ".bmp",
        ".gif",
        ".heic",
        ".jfif",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".mpo",
        ".png",
        ".tif",
        ".tiff",
        ".webp",
    ]
)
_UNPRINTABLE = ("Cc", "Cs")  # control characters, and bytes that are no UTF-8


class Reason(enum.StrEnum):
    """Why a file of an image folder is not used."""

    NO_PICTURE = "no picture"
    NAMED_SO = "named like a picture, but its bytes are none"
    HIDDEN = "hidden"
    NOT_SHOWN = "not shown by browsers"
    UNREADABLE = "cannot be read"
    NAME = "name with control characters or bytes that are no UTF-8"
    TWIN = "same name but for the suffix"
    LINK_LOOP = "link to a folder that holds it"
    LINK_OUTSIDE = "link to outside"

    @property
    def expected(self) -> bool:
        """Whether such files are usual in image folders, so that leaving them out is no fault."""
        return self in (Reason.NO_PICTURE, Reason.HIDDEN)

    @property
    def cure(self) -> str:
        """What to do if the file should be used."""
        return _CURES[self]


_CURES = {
    Reason.NAMED_SO: "copy the file again, or remove it",
    Reason.NO_PICTURE: "convert it to PNG or JPEG if it is an image",
    Reason.HIDDEN: "rename it without the leading dot if it is to be used",
    Reason.NOT_SHOWN: "convert it to PNG or JPEG",
    Reason.UNREADABLE: "let the daemon's user read it, or restore it",
    Reason.NAME: "rename the file",
    Reason.TWIN: "rename one of the two; masks are found by the name without its suffix",
    Reason.LINK_LOOP: "remove the link",
    Reason.LINK_OUTSIDE: "copy the files to where Label Studio serves them",
}


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file, or a whole folder, that is not used. path: relative to the image folder, printable.

    got: what was found, in words.
    """

    path: str
    reason: Reason
    got: str = ""

    def __str__(self) -> str:
        got = f" ({self.got})" if self.got else ""
        return f"{self.path}: {self.reason}{got}; {self.reason.cure}"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The content of a folder. pictures: path relative to the folder -> format, in path order."""

    pictures: Mapping[str, Kind]
    left_out: Sequence[LeftOut]

    def counts(self) -> dict[Reason, int]:
        """The number of files that were left out, by reason."""
        return dict(Counter(one.reason for one in self.left_out))


_Stamp = tuple[int, int, int, int]  # device, inode, modified, bytes
_Place = tuple[int, int]  # device and inode of a folder


class PictureFolder:
    """A folder that is listed repeatedly; a file is opened again only when it has changed.

    within: folder in which the targets of links must lie; None: anywhere. shown_in_browser: leave
    out what browsers do not show. unique_stems: leave out a second picture whose name differs in
    its suffix only, since masks are found by the name without it. deep: list folders inside too.
    """

    def __init__(
        self,
        root: Path,
        *,
        within: Path | None = None,
        shown_in_browser: bool = True,
        unique_stems: bool = False,
        deep: bool = True,
    ) -> None:
        self.root, self._within = root, None if within is None else within.resolve()
        self._shown, self._unique, self._deep = shown_in_browser, unique_stems, deep
        self._seen: dict[str, tuple[_Stamp, Kind | str]] = {}
        self._known = self._seen
        self._latest: Listing | None = None

    @property
    def latest(self) -> Listing:
        """The last listing; a new one where there is none yet."""
        return self._latest or self.listing()

    def listing(self) -> Listing:
        """List the whole folder. A folder that does not exist is empty."""
        self._known, self._seen = self._seen, {}
        pictures: dict[str, Kind] = {}
        left: list[LeftOut] = []
        for path, found in self._walk(os.fspath(self.root), "", ()):
            if isinstance(found, LeftOut):
                left.append(found)
            else:
                pictures[path] = found
        pictures = dict(sorted(pictures.items(), key=lambda one: one[0].split("/")))
        if self._unique:
            left += _take_twins(pictures)
        self._latest = Listing(pictures=pictures, left_out=sorted(left, key=lambda one: one.path))
        return self._latest

    def _walk(
        self, folder: str, inner: str, above: tuple[_Place, ...]
    ) -> Iterator[tuple[str, Kind | LeftOut]]:
        """Everything in a folder. inner: its path below the root. above: the folders around it."""
        try:
            here = os.stat(folder)
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as exc:
            if inner:
                yield _left(inner, Reason.UNREADABLE, exc.strerror or "")
            return
        above = (*above, (here.st_dev, here.st_ino))
        for entry in entries:
            path = f"{inner}/{entry.name}" if inner else entry.name
            if (why := _bad_name(entry.name)) is not None:
                yield _left(path, why)
                continue
            try:
                status = entry.stat()
            except OSError as exc:
                yield _left(path, Reason.UNREADABLE, exc.strerror or "")
                continue
            if entry.is_symlink() and not self._may_follow(entry.path):
                yield _left(path, Reason.LINK_OUTSIDE)
            elif stat.S_ISDIR(status.st_mode):
                yield from self._inner(entry.path, path, above, (status.st_dev, status.st_ino))
            else:
                yield path, self._file(entry.path, path, status)

    def _inner(
        self, folder: str, path: str, above: tuple[_Place, ...], place: _Place
    ) -> Iterator[tuple[str, Kind | LeftOut]]:
        if place in above:
            yield _left(path, Reason.LINK_LOOP)
        elif self._deep:
            yield from self._walk(folder, path, above)

    def _may_follow(self, path: str) -> bool:
        return self._within is None or self._within in Path(path).resolve().parents

    def _file(self, file: str, path: str, status: os.stat_result) -> Kind | LeftOut:
        if not stat.S_ISREG(status.st_mode):
            return LeftOut(path=path, reason=Reason.NO_PICTURE, got="neither a file nor a folder")
        stamp = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
        before = self._known.get(path)
        if before is not None and before[0] == stamp:
            found = before[1]
        else:
            try:
                found = _kind(file, status.st_size)
            except OSError as exc:
                return LeftOut(path=path, reason=Reason.UNREADABLE, got=exc.strerror or "")
        self._seen[path] = (stamp, found)
        if not isinstance(found, Kind):
            named = os.path.splitext(path)[1].lower() in _SUFFIXES
            reason = Reason.NAMED_SO if named else Reason.NO_PICTURE
            return LeftOut(path=path, reason=reason, got=found)
        if self._shown and not found.shown_in_browser:
            return LeftOut(path=path, reason=Reason.NOT_SHOWN, got=found.value)
        return found


def _kind(file: str, size: int) -> Kind | str:
    """The kind of a picture, or what the file seems to be instead."""
    with open(file, "rb", buffering=0) as stream:
        start = stream.read(START_BYTES)
    return kind_of(start) or looks_like(start, size).rstrip(",")


def _take_twins(pictures: dict[str, Kind]) -> list[LeftOut]:
    """Remove the later ones of pictures whose names differ in their endings only."""
    first: dict[str, str] = {}
    left = []
    for path in list(pictures):
        stem = os.path.splitext(path)[0]
        if stem in first:
            del pictures[path]
            left.append(LeftOut(path=path, reason=Reason.TWIN, got=first[stem]))
        else:
            first[stem] = path
    return left


def _bad_name(name: str) -> Reason | None:
    if any(unicodedata.category(letter) in _UNPRINTABLE for letter in name):
        return Reason.NAME
    return Reason.HIDDEN if name.startswith(".") else None


def _printable(name: str) -> str:
    """A name with what cannot be printed as \\x.. of its bytes."""
    return "".join(
        letter
        if unicodedata.category(letter) not in _UNPRINTABLE
        else "".join(f"\\x{byte:02x}" for byte in os.fsencode(letter))
        for letter in name
    )


def _left(path: str, reason: Reason, got: str = "") -> tuple[str, LeftOut]:
    return path, LeftOut(path=_printable(path), reason=reason, got=got)
