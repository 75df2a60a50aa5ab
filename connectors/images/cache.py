"""Bytes that claim to be a picture: bounded, checked, and kept in a local cache.

What a picture looks like is decided in daemon/pixels, the one reader: the size that counts is
that of the upright picture, as annotators see it.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from daemon import pixels
from daemon.domain import FoundImage
from daemon.domain.errors import ConnectorUnavailable, DiskFull, ImageRefused
from daemon.pixels.folders import PictureFolder
from daemon.pixels.reader import too_large as too_large

MAX_BYTES = 64 * 2**20  # of an image that comes over a network
MAX_FILE_BYTES = 2**31  # of one on a disk of ours; how many pixels it may hold is a setting
MAX_PIXELS = 64_000_000


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What is known about a picture after looking inside.

    height_px, width_px: upright. sha256: of the bytes as they came, 64 hex digits.
    suffix: of its format, with the dot. turned: whether EXIF asks for a rotation or a flip.
    """

    height_px: int
    width_px: int
    sha256: str
    suffix: str
    turned: bool


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A checked picture in the cache, upright."""

    path: Path
    height_px: int
    width_px: int
    sha256: str


def inspect(content: bytes, *, where: str = "image", max_pixels: int = MAX_PIXELS) -> Looked:
    """Decode a picture fully and say what it is. Raises ImageRefused, naming `where`.

    The size is read from the header and compared with `max_pixels` before any pixel is
    decoded; a truncated or damaged file is refused.
    """
    looked = pixels.read_header(content, where=where, max_pixels=max_pixels)
    pixels.read_picture(content, where=where, max_pixels=max_pixels)
    return Looked(
        height_px=looked.height_px,
        width_px=looked.width_px,
        sha256=hashlib.sha256(content).hexdigest(),
        suffix=looked.kind.suffix,
        turned=looked.orientation != 1,
    )


def found_in(folder: PictureFolder) -> Iterator[FoundImage]:
    """The pictures of a folder as images; key: the posix path below it."""
    root = folder.root.resolve()
    for key in folder.listing().pictures:
        path = root / key
        yield FoundImage(key=key, name=path.name, uri=path.as_uri())


def require_files(folder: Path, expected: str) -> None:
    """Raise ConnectorUnavailable for a folder that is absent or empty now: a disk that is away
    means neither that images are gone nor that somebody deleted labels."""
    try:
        with os.scandir(folder) as found:
            if next(found, None) is not None:
                return
        got = "an empty folder"
    except OSError as exc:
        got = exc.strerror or str(exc)
    raise ConnectorUnavailable(f"{folder}: got {got}; expected {expected}; is the disk mounted?")


def read_under(
    root: Path, key: str, *, max_bytes: int = MAX_BYTES, within: Path | None = None
) -> bytes:
    """The bytes of an image below `root`. Raises ImageRefused, also when it lies elsewhere.

    within: the folder that links may point into, `root` where nothing is said.
    """
    path = (root / key).resolve()
    leaves = PurePosixPath(key).is_absolute() or ".." in PurePosixPath(key).parts
    if leaves or (within or root).resolve() not in path.parents:
        raise ImageRefused(got=f"the file {path}", expected=f"one below {root}", cure="move it").at(
            f"image {key}"
        )
    return read_file(path, max_bytes=max_bytes)


def read_file(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a file of at most `max_bytes`. Raises ImageRefused."""
    return pixels.read_file(path, where=f"image {path}", max_bytes=max_bytes)


def keep(
    content: bytes, folder: Path, *, where: str = "image", max_pixels: int = MAX_PIXELS
) -> Kept:
    """Check a picture and write it into the cache, named by its content; repeating is free.

    Raises ImageRefused, and DiskFull without leaving a partial file.
    """
    looked = inspect(content, where=where, max_pixels=max_pixels)
    suffix = ".png" if looked.turned else looked.suffix
    path = folder / looked.sha256[:2] / f"{looked.sha256}{suffix}"
    if not path.exists():
        _write(path, _upright(content, where) if looked.turned else content)
    return Kept(
        path=path, height_px=looked.height_px, width_px=looked.width_px, sha256=looked.sha256
    )


def _upright(content: bytes, where: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.read_picture(content, where=where)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as exc:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise DiskFull(f"{path}: cannot be written: {exc.strerror}; free some space") from exc
