"""The heavy part of taking images in: bytes are fetched, decoded, hashed and kept in the cache.

Nothing here knows the store, so that it may be done beside the ticks; see image_readers.py.
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
from daemon.domain.faults import printable
from daemon.intake import InputFailure, Postponed, try_input
from daemon.stages.file_stamps import local_path, stamp_of
from daemon.stages.image_content import CURE, EXPECTED, cache_of, image_of, place_of


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An image that has to be looked into.

    known: what the store holds of it; None for one that is new, which is read in any case.
    is_shown: an annotator may open it now, so that it must be there to be seen. by_address: its
    address tells which image it is, so that nothing has to be read.
    """

    found: FoundImage
    known: KnownImage | None = None
    is_shown: bool = False
    by_address: bool = False


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What came of one. image: what is inside now, None where nothing was read: it is the same, or
    it cannot be read now. stamp: of the local file before it was read, else what the server told
    about it, "" for nothing. failure: why it cannot be used.
    """

    wanted: Wanted
    image: Image | None = None
    stamp: str = ""
    failure: InputFailure | None = None

    @property
    def place(self) -> str:
        """As faults name the image."""
        return printable(place_of(self.wanted.found.key))


def read_image(connector: Connector, config: Config, wanted: Wanted) -> Reading | Postponed:
    """Look into one image. Whatever it raises is told as a value: no image ends the work."""
    if wanted.by_address:
        return Reading(wanted=wanted)
    found = wanted.found
    path = local_path(found.uri)
    stamp = stamp_of(path) if path else ""  # before the bytes: a later change is another stamp
    done = try_input(
        lambda: _look_into(connector, config, wanted, stamp),
        place_of(found.key),
        expected=EXPECTED,
        cure=CURE,
    )
    if isinstance(done, InputFailure):
        return Reading(wanted=wanted, stamp=stamp, failure=done)
    return done


def _look_into(connector: Connector, config: Config, wanted: Wanted, stamp: str) -> Reading:
    found, known = wanted.found, wanted.known
    if known is not None:
        return _compare(connector, config, wanted, known, stamp)
    found.key.encode()  # a file name that is no UTF-8 cannot be kept
    image = image_of(connector.read(found), config, found)
    return Reading(wanted=wanted, image=image, stamp=stamp)


def _compare(
    connector: Connector, config: Config, wanted: Wanted, known: KnownImage, stamp: str
) -> Reading:
    """Whether a known image has other bytes now; they are not asked for where that is told."""
    found, is_local = wanted.found, local_path(wanted.found.uri) is not None
    is_aside = known.aside_stamp is not None
    try:
        told = stamp if is_local else connector.fingerprint(found)
        if not is_aside and told and told == known.stamp:
            return Reading(wanted=wanted, stamp=told)
        content = connector.read(found)
    except ImageRefused:
        if is_local or wanted.is_shown:
            raise
        return Reading(wanted=wanted, stamp=known.stamp)  # the copy serves; nobody looks at it
    image = image_of(content, config, found)
    if is_aside and image.path.is_relative_to(cache_of(config)):
        _mend_cache(config, image.path, content)
    return Reading(wanted=wanted, image=image, stamp=told)


def _mend_cache(config: Config, path: Path, content: bytes) -> None:
    """Write the cached picture anew where it is not what these bytes give."""
    pixels = config.images.max_megapixels * 10**6
    with tempfile.TemporaryDirectory(dir=config.state) as folder:
        fresh = save_to_cache(content, Path(folder), max_pixels=pixels).path
        if fresh.read_bytes() != path.read_bytes():
            path.unlink()
            save_to_cache(content, cache_of(config), max_pixels=pixels)
