"""Bytes or a file -> the picture that people see: upright, RGB, 8 bits, no transparency.

A transparent picture lies on white. Of an animation the first picture counts. 16-bit values are
cut to their high byte, as chromium does.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from daemon.domain.errors import ImageRefused
from daemon.pixels.formats import START_BYTES, Kind, kind_of
from daemon.pixels.opening import BROKEN, EXPECTED, damaged, open_picture
from daemon.pixels.painting import Picture, painted

_HEADER_BYTES = 2**18  # that hold the size of nearly every picture
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the header of a picture says. height_px, width_px: upright.

    orientation: what makes it upright, as EXIF numbers it; 1: nothing is to be done.
    """

    kind: Kind
    height_px: int
    width_px: int
    orientation: int


def read(source: bytes | Path, *, where: str = "image", max_pixels: int | None = None) -> Picture:
    """The picture as people see it: (H, W, 3) RGB.

    where: how messages name it. max_pixels: compared with the header before any pixel is
    decoded. Raises ImageRefused for what is no whole picture; it says why, and what to do.
    """
    content = source if isinstance(source, bytes) else read_file(source, where=where)
    opened = open_picture(content, where, max_pixels)
    try:
        with opened.picture:
            return painted(opened)
    except ImageRefused as exc:
        raise exc.at(where) from exc
    except BROKEN as exc:
        raise damaged(where, opened.kind, exc) from exc


def look(content: bytes, *, where: str = "image", max_pixels: int | None = None) -> Look:
    """What the header says, without decoding a pixel. Raises ImageRefused as `read` does."""
    opened = open_picture(content, where, max_pixels)
    height_px, width_px = opened.size
    return Look(
        kind=opened.kind,
        height_px=height_px,
        width_px=width_px,
        orientation=opened.orientation,
    )


def size_of(path: Path) -> tuple[int, int]:
    """(height_px, width_px) of a file as people see it. Raises ImageRefused."""
    where = f"image {path}"
    found = look(read_file(path, where=where), where=where)
    return found.height_px, found.width_px


def pixels_of(path: Path) -> int:
    """How many pixels a file will take when it is read, from its first bytes where that does.

    0 where it cannot be read.
    """
    where = f"image {path}"
    for most in (_HEADER_BYTES, None):
        try:
            with opened_file(path) as stream:
                found = look(stream.read(-1 if most is None else most), where=where)
        except (ImageRefused, OSError, ValueError):
            continue
        return found.height_px * found.width_px
    return 0


def check_shown(content: bytes, where: str) -> None:
    """Refuse a picture that we could read and people could not see. Raises ImageRefused."""
    kind = kind_of(content[:START_BYTES])
    if kind is not None and not kind.shown_in_browser:
        raise ImageRefused(
            got=f"{kind}, which browsers do not show", expected=EXPECTED, cure="convert the image"
        ).at(where)


def read_file(path: Path, *, where: str, max_bytes: int | None = None) -> bytes:
    """The bytes of a file, of at most `max_bytes`. Raises ImageRefused, also for a pipe or a
    device, which would never come to an end."""
    try:
        with opened_file(path) as stream:
            content = stream.read() if max_bytes is None else stream.read(max_bytes + 1)
    except (OSError, ValueError) as exc:
        if getattr(exc, "errno", None) in _SCARCE:
            raise  # says nothing about this file
        why = getattr(exc, "strerror", None) or exc
        raise ImageRefused(
            got=f"a file that cannot be read: {why}",
            expected="one that the daemon may read",
            cure="restore it",
        ).at(where) from exc
    if max_bytes is not None and len(content) > max_bytes:
        raise too_large(where, max_bytes)
    return content


def opened_file(path: Path) -> BinaryIO:
    """A file to read from; opening waits for nobody. Raises OSError, also for what is no file."""
    stream = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: SIM115
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    stream.close()
    raise OSError(errno.EINVAL, "it is a folder, a pipe or a device", str(path))


def too_large(where: str, max_bytes: int) -> ImageRefused:
    """The refusal of a file with more than `max_bytes`."""
    return ImageRefused(
        got=f"more than {max_bytes} bytes", expected="at most that", cure="compress the image"
    ).at(where)
