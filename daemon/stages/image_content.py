"""The bytes of one found image: fetched, decoded, and kept where every later reader finds them."""

from __future__ import annotations

from pathlib import Path

from connectors.base import Connector
from connectors.images.cache import inspect, save_to_cache
from daemon.config.loading import Config
from daemon.domain import FoundImage, Image
from daemon.stages.file_stamps import local_path

EXPECTED = "a whole image that can be decoded"
DECIDED = "images_decided"  # the fact "1": answers are read anew once all are looked into
CURE = "replace the file or correct its address; the daemon looks again by itself"


def place_of(key: str) -> str:
    """As faults of an image name it."""
    return f"image {key}"


def check_image(connector: Connector, config: Config, found: FoundImage) -> None:
    """Fetch and decode an image, as the intake does, and keep nothing of it.

    Raises what the intake makes a fault of.
    """
    found.key.encode()  # a file name that is no UTF-8 cannot be kept
    pixels = config.images.max_megapixels * 10**6
    inspect(connector.read(found), where=found.name, max_pixels=pixels)


def image_of(content: bytes, config: Config, found: FoundImage) -> Image:
    """What is inside these bytes; they are kept in the cache, unless their own file is local and
    can be read as it is. Its id is 0 and its role the pool. Raises ImageRefused and DiskFull."""
    pixels = config.images.max_megapixels * 10**6
    seen = inspect(content, where=found.name, max_pixels=pixels)
    path = None if seen.is_rotated else local_path(found.uri)
    if path is None:
        path = save_to_cache(content, cache_of(config), where=found.name, max_pixels=pixels).path
    return Image(
        id=0,
        key=found.key,
        name=found.name,
        uri=found.uri,
        path=path,
        height_px=seen.height_px,
        width_px=seen.width_px,
        sha256=seen.sha256,
    )


def cache_of(config: Config) -> Path:
    """The folder of the pictures that have no usable local file."""
    return config.state / "images"
