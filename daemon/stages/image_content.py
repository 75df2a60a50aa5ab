"""The content of one listed image: fetched, decoded, and saved where later readers find it."""

from __future__ import annotations

from pathlib import Path

from connectors.base import Connector
from connectors.images.cache import inspect, save_to_cache
from daemon.config.loading import Config
from daemon.domain import FoundImage, Image
from daemon.domain.faults import printable
from daemon.stages.file_stamps import local_path

EXPECTED = "a whole image that can be decoded"
READ_ANSWERS_AGAIN = "images_decided"  # the fact "1": once all images are read, read all answers
CURE = "replace the file or correct its address; the daemon looks again by itself"


def fault_location(key: str) -> str:
    """The `where` of faults of the image with this key."""
    return printable(f"image {key}")


def check_image(connector: Connector, config: Config, found: FoundImage) -> None:
    """Fetch and decode an image as the intake does, and save nothing.

    Raises what the intake turns into a fault.
    """
    found.key.encode()  # raises for a file name that is not UTF-8, which the store cannot hold
    pixels = config.images.max_megapixels * 10**6
    inspect(connector.read(found), where=found.name, max_pixels=pixels)


def image_of(content: bytes, config: Config, found: FoundImage) -> Image:
    """Decode the bytes of an image, with id 0 and the role pool.

    The bytes are saved in the cache, unless the image is a local file that can be read as it is.
    Raises ImageRefused and DiskFull.
    """
    pixels = config.images.max_megapixels * 10**6
    inspected = inspect(content, where=found.name, max_pixels=pixels)
    path = None if inspected.is_rotated else local_path(found.uri)
    if path is None:
        path = save_to_cache(content, cache_of(config), where=found.name, max_pixels=pixels).path
    return Image(
        id=0,
        key=found.key,
        name=found.name,
        uri=found.uri,
        path=path,
        height_px=inspected.height_px,
        width_px=inspected.width_px,
        sha256=inspected.sha256,
    )


def cache_of(config: Config) -> Path:
    """The folder with copies of the images that have no usable local file."""
    return config.state / "images"
