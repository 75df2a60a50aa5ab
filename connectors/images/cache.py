"""Bytes of images: read from a folder, checked, and kept in a local cache.

daemon/pixels is the only decoder of pictures: sizes are those of the upright picture, as
annotators see it.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from daemon import pixels
from daemon.domain import FoundImage
from daemon.domain.errors import ConnectorUnavailable, DiskFull, ImageRefused
from daemon.pixels.folders import PictureFolder
from daemon.runs.durable import atomic_file

MAX_BYTES = 64 * 2**20  # of an image that comes over a network
MAX_FILE_BYTES = 2**31  # of one on a local disk
MAX_PIXELS = 64_000_000


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a decoded picture is.

    height_px, width_px: upright. sha256: of the bytes as they came, 64 hex digits.
    suffix: of its format, with the dot. is_rotated: whether EXIF asks for a rotation or a flip.
    """

    height_px: int
    width_px: int
    sha256: str
    suffix: str
    is_rotated: bool


@dataclass(frozen=True, kw_only=True)
class CachedImage:
    """A checked picture in the cache, upright."""

    path: Path
    height_px: int
    width_px: int
    sha256: str


def inspect(content: bytes, *, where: str = "image", max_pixels: int = MAX_PIXELS) -> Inspection:
    """Decode a picture fully and say what it is. Raises ImageRefused, naming `where`.

    The size is read from the header and compared with `max_pixels` before any pixel is
    decoded; a truncated or damaged file is refused.
    """
    header = pixels.read_header(content, where=where, max_pixels=max_pixels)
    pixels.read_picture(content, where=where, max_pixels=max_pixels)
    return Inspection(
        height_px=header.height_px,
        width_px=header.width_px,
        sha256=hashlib.sha256(content).hexdigest(),
        suffix=header.kind.suffix,
        is_rotated=header.orientation != 1,
    )


def folder_images(folder: PictureFolder) -> Iterator[FoundImage]:
    """The pictures of a folder as images; key: the posix path relative to the folder."""
    root = folder.root.resolve()
    for key in folder.listing().pictures:
        path = root / key
        yield FoundImage(key=key, name=path.name, uri=path.as_uri())


def require_nonempty(folder: Path, expected: str) -> None:
    """Raise ConnectorUnavailable for a folder that is missing or empty: a disk that is not mounted
    means neither deleted images nor deleted labels."""
    try:
        with os.scandir(folder) as found:
            if next(found, None) is not None:
                return
        got = "an empty folder"
    except OSError as exc:
        got = exc.strerror or str(exc)
    raise ConnectorUnavailable(f"{folder}: got {got}; expected {expected}; is the disk mounted?")


def read_below(
    root: Path, key: str, *, max_bytes: int = MAX_BYTES, within: Path | None = None
) -> bytes:
    """The bytes of an image below `root`. Raises ImageRefused, also when it lies elsewhere.

    within: the folder that links may point into; `root` by default.
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


def save_to_cache(
    content: bytes, folder: Path, *, where: str = "image", max_pixels: int = MAX_PIXELS
) -> CachedImage:
    """Check a picture and write it into the cache under its sha256; repeating it writes nothing.

    Raises ImageRefused, and DiskFull without leaving a partial file.
    """
    inspection = inspect(content, where=where, max_pixels=max_pixels)
    suffix = ".png" if inspection.is_rotated else inspection.suffix
    path = folder / inspection.sha256[:2] / f"{inspection.sha256}{suffix}"
    if not path.exists():
        _write(path, _upright(content, where) if inspection.is_rotated else content)
    return CachedImage(
        path=path,
        height_px=inspection.height_px,
        width_px=inspection.width_px,
        sha256=inspection.sha256,
    )


def _upright(content: bytes, where: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.read_picture(content, where=where)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as part:
            part.write_bytes(content)
    except OSError as exc:
        raise DiskFull(f"{path}: cannot be written: {exc.strerror}; free some space") from exc
