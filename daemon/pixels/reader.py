"""Read pictures as people see them: upright, RGB, 8 bits, no transparency.

A transparent picture lies on white, the first picture of an animation counts, and 16-bit values
are cut to their high byte, as in chromium.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from daemon.domain.errors import ImageRefused
from daemon.pixels.decoding import Picture, decode
from daemon.pixels.formats import START_BYTES, Kind, kind_of
from daemon.pixels.headers import DECODER_ERRORS, EXPECTED, damaged, open_picture

_HEADER_BYTES = 2**18  # that hold the size of nearly every picture
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@dataclass(frozen=True, kw_only=True)
class Header:
    """The header of a picture. height_px, width_px: of the upright picture.

    orientation: 1 to 8 as in EXIF: how the stored picture must be turned; 1: not at all.
    """

    kind: Kind
    height_px: int
    width_px: int
    orientation: int


def read_picture(
    source: bytes | Path, *, where: str = "image", max_pixels: int | None = None
) -> Picture:
    """The picture as people see it: (H, W, 3) RGB.

    where: name of the picture in messages. max_pixels: limit that the header is compared with
    before any pixel is decoded. Raises ImageRefused, which says why and what to do, for anything
    but a whole picture.
    """
    content = source if isinstance(source, bytes) else read_file(source, where=where)
    opened = open_picture(content, where, max_pixels)
    try:
        with opened.picture:
            return decode(opened)
    except ImageRefused as exc:
        raise exc.at(where) from exc
    except DECODER_ERRORS as exc:
        raise damaged(where, opened.kind, exc) from exc


def read_header(content: bytes, *, where: str = "image", max_pixels: int | None = None) -> Header:
    """The header, without decoding a pixel. Raises ImageRefused as `read_picture` does."""
    opened = open_picture(content, where, max_pixels)
    height_px, width_px = opened.size
    return Header(
        kind=opened.kind,
        height_px=height_px,
        width_px=width_px,
        orientation=opened.orientation,
    )


def size_of(path: Path) -> tuple[int, int]:
    """(height_px, width_px) of a file as people see it. Raises ImageRefused."""
    where = f"image {path}"
    found = read_header(read_file(path, where=where), where=where)
    return found.height_px, found.width_px


def pixel_count(path: Path) -> int:
    """The number of pixels of a file, from its first bytes where they suffice; 0 where it cannot be
    read."""
    where = f"image {path}"
    for most in (_HEADER_BYTES, None):
        try:
            with opened_file(path) as stream:
                found = read_header(stream.read(-1 if most is None else most), where=where)
        except (ImageRefused, OSError, ValueError):
            continue
        return found.height_px * found.width_px
    return 0


def require_shown_in_browser(content: bytes, where: str) -> None:
    """Raise ImageRefused for a picture that browsers do not show, although we could read it."""
    kind = kind_of(content[:START_BYTES])
    if kind is not None and not kind.shown_in_browser:
        raise ImageRefused(
            got=f"{kind}, which browsers do not show", expected=EXPECTED, cure="convert the image"
        ).at(where)


def read_file(path: Path, *, where: str, max_bytes: int | None = None) -> bytes:
    """The bytes of a file, at most `max_bytes`. Raises ImageRefused, also for a pipe or a device,
    whose reading would never end."""
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
    """Open a file without waiting. Raises OSError, also for a folder, a pipe or a device."""
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
