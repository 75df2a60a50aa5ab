"""Reads one image: its bytes are fetched, decoded, hashed and cached.

This is the slow part of the intake. It does not use the store, so that a thread can run it beside
the ticks; see image_readers.py.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from connectors.base import Connector
from connectors.images.cache import save_to_cache
from daemon.config.loading import Config
from daemon.domain import FoundImage, Image, KnownImage
from daemon.domain.errors import ImageRefused
from daemon.intake import InputFailure, Postponed, try_input
from daemon.stages.file_stamps import local_path, stamp_of
from daemon.stages.image_content import CURE, EXPECTED, cache_of, fault_location, image_of


@dataclass(frozen=True, kw_only=True)
class ReadRequest:
    """An image to read.

    known: what the store holds of it; None for a new image. has_open_task: whether an annotator may
    open it now, so that its original must be readable. recognized_by_address: whether its address
    identifies a known image, so that its bytes need not be read.
    """

    found: FoundImage
    known: KnownImage | None = None
    has_open_task: bool = False
    recognized_by_address: bool = False


@dataclass(frozen=True, kw_only=True)
class ReadResult:
    """The result of a request.

    image: the present content; None if it is unchanged or cannot be read now. stamp: of the local
    file before it was read, or the fingerprint that the server sent; "" without either. failure:
    why the image cannot be used.
    """

    request: ReadRequest
    image: Image | None = None
    stamp: str = ""
    failure: InputFailure | None = None

    @property
    def fault_location(self) -> str:
        """The `where` of faults of this image."""
        return fault_location(self.request.found.key)


def read_image(
    connector: Connector, config: Config, request: ReadRequest
) -> ReadResult | Postponed:
    """Read one image. An exception is returned as a value, so that no image ends the thread."""
    if request.recognized_by_address:
        return ReadResult(request=request)
    path = local_path(request.found.uri)
    stamp = stamp_of(path) if path else ""  # before the read, so that a later change is noticed
    result = try_input(
        lambda: _read(connector, config, request, stamp),
        fault_location(request.found.key),
        expected=EXPECTED,
        cure=CURE,
    )
    if isinstance(result, InputFailure):
        return ReadResult(request=request, stamp=stamp, failure=result)
    return result


def _read(connector: Connector, config: Config, request: ReadRequest, stamp: str) -> ReadResult:
    found, known = request.found, request.known
    if known is not None:
        return _compare(connector, config, request, known, stamp)
    found.key.encode()  # raises for a file name that is not UTF-8, which the store cannot hold
    image = image_of(connector.read(found), config, found)
    return ReadResult(request=request, image=image, stamp=stamp)


def _compare(
    connector: Connector, config: Config, request: ReadRequest, known: KnownImage, stamp: str
) -> ReadResult:
    """Read a known image again, unless its stamp or fingerprint shows that it is unchanged."""
    found, is_local = request.found, local_path(request.found.uri) is not None
    is_excluded = known.aside_stamp is not None
    try:
        fingerprint = stamp if is_local else connector.fingerprint(found)
        if not is_excluded and fingerprint and fingerprint == known.stamp:
            return ReadResult(request=request, stamp=fingerprint)
        content = connector.read(found)
    except ImageRefused:
        if is_local or request.has_open_task:
            raise
        return ReadResult(request=request, stamp=known.stamp)  # the cached copy is enough
    image = image_of(content, config, found)
    if is_excluded and image.path.is_relative_to(cache_of(config)):
        _repair_cache(config, image.path, content)
    return ReadResult(request=request, image=image, stamp=fingerprint)


def _repair_cache(config: Config, path: Path, content: bytes) -> None:
    """Write the cached copy again if it differs from what these bytes give."""
    pixels = config.images.max_megapixels * 10**6
    with tempfile.TemporaryDirectory(dir=config.state) as folder:
        fresh = save_to_cache(content, Path(folder), max_pixels=pixels).path
        if fresh.read_bytes() != path.read_bytes():
            path.unlink()
            save_to_cache(content, cache_of(config), max_pixels=pixels)
