"""Bytes that claim to be a picture: bounded, checked, and kept in a local cache.

The size that counts is the upright one: cameras store a rotation in EXIF, browsers (so the
annotators) see the picture turned, and a mask is drawn on what they see. The cache holds
upright pictures only, so every later reader agrees without knowing about EXIF.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageOps

from daemon.domain import FoundImage
from daemon.errors import DiskFull, ImageRefused

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
FORMATS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp"}
MAX_BYTES = 64 * 2**20
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
    with _opened(content, where) as picture:
        width_px, height_px = picture.size
        if width_px * height_px > max_pixels:
            raise ImageRefused(
                f"{where}: got {width_px}x{height_px} pixels; expected at most {max_pixels}; "
                f"scale the image down, or leave it out"
            )
        turned = _load(picture, where)
        suffix = FORMATS[str(picture.format)]
    if turned in (5, 6, 7, 8):  # the EXIF orientations that swap the sides
        width_px, height_px = height_px, width_px
    digest = hashlib.sha256(content).hexdigest()
    return Looked(
        height_px=height_px, width_px=width_px, sha256=digest, suffix=suffix, turned=turned != 1
    )


def found_under(root: Path) -> Iterator[FoundImage]:
    """Every image file below `root`, by path; hidden files and folders are left out.

    key: the posix path relative to `root`.
    """
    for path in sorted(root.rglob("*")):
        key = path.relative_to(root).as_posix()
        if path.suffix.lower() in SUFFIXES and "/." not in f"/{key}" and path.is_file():
            yield FoundImage(key=key, name=path.name, uri=path.resolve().as_uri())


def read_under(root: Path, key: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of an image below `root`. Raises ImageRefused, also when it lies elsewhere."""
    path = (root / key).resolve()
    if root.resolve() not in path.parents:
        raise ImageRefused(f"image {key}: got the file {path}; expected one below {root}; move it")
    return read_file(path, max_bytes=max_bytes)


def read_file(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a file of at most `max_bytes`. Raises ImageRefused."""
    try:
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except OSError as exc:
        raise ImageRefused(f"image {path}: cannot be read: {exc.strerror}; restore it") from exc
    if len(content) > max_bytes:
        raise too_large(f"image {path}", max_bytes)
    return content


def too_large(where: str, max_bytes: int) -> ImageRefused:
    """The refusal of a file with more than `max_bytes`."""
    return ImageRefused(
        f"{where}: got more than {max_bytes} bytes; expected at most that; compress the image"
    )


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
        _write(path, _upright(content) if looked.turned else content)
    return Kept(
        path=path, height_px=looked.height_px, width_px=looked.width_px, sha256=looked.sha256
    )


def _opened(content: bytes, where: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we count pixels
            return Image.open(io.BytesIO(content), formats=list(FORMATS))
    except Image.DecompressionBombError as exc:
        raise ImageRefused(f"{where}: {exc}; scale the image down, or leave it out") from exc
    except Exception as exc:
        raise ImageRefused(
            f"{where}: got {_looks_like(content)}; expected one of {', '.join(FORMATS)}; "
            f"convert the image"
        ) from exc


def _looks_like(content: bytes) -> str:
    start = content[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, perhaps one that asks to sign in,"
    if start.startswith((b"<?xml", b"<svg", b"<error")):
        return "XML, perhaps an error of a storage,"
    return f"{len(content)} bytes that start with {content[:8].hex(' ') or 'nothing'}"


def _load(picture: Image.Image, where: str) -> int:
    """Decode every pixel; the EXIF orientation, 1 to 8, 1 when there is none."""
    try:
        picture.load()
        turn = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as exc:
        raise ImageRefused(
            f"{where}: damaged or truncated {picture.format}: {exc}; copy it again from the camera"
        ) from exc
    return turn if turn in range(1, 9) else 1


def _upright(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content), formats=list(FORMATS)) as picture:
        turned = ImageOps.exif_transpose(picture)
    stream = io.BytesIO()
    turned.save(stream, "PNG", compress_level=1, exif=b"")
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
