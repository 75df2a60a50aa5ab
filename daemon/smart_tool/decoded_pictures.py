"""Decoded pictures of the images that people click on, within a bound of memory."""

from __future__ import annotations

import threading
from collections import OrderedDict

from daemon.domain import Image
from daemon.domain.errors import ImageRefused
from daemon.pixels import read_file, read_picture
from daemon.pixels.decoding import Picture

MAX_BYTES = 256 * 2**20  # of all pictures together
MAX_PIXELS = 40_000_000  # of a picture
MAX_FILE_BYTES = 2**31

_Key = tuple[str, int, int]


class DecodedPictures:
    """The pictures that were asked for last, as people see them. Thread-safe."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> None:
        self._max_bytes, self._max_pixels = max_bytes, max_pixels
        self._kept: OrderedDict[_Key, Picture] = OrderedDict()
        self._lock = threading.Lock()

    def picture(self, image: Image) -> Picture:
        """(H, W, 3) RGB. Raises ImageRefused, also for a file that became another picture since the
        daemon took it in."""
        key = _key(image)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        content = read_file(image.path, where=image.name, max_bytes=MAX_FILE_BYTES)
        picture = read_picture(content, where=image.name, max_pixels=self._max_pixels)
        if picture.shape[:2] != (image.height_px, image.width_px):
            got, known = picture.shape[:2], (image.height_px, image.width_px)
            raise ImageRefused(
                got=f"{got[1]}x{got[0]} pixels", expected=f"{known[1]}x{known[0]}", cure="wait"
            ).at(image.name)
        picture.setflags(write=False)
        self._keep(key, picture)
        return picture

    def _keep(self, key: _Key, picture: Picture) -> None:
        with self._lock:
            self._kept[key] = picture
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and sum(p.nbytes for p in self._kept.values()) > (
                self._max_bytes
            ):
                self._kept.popitem(last=False)


def _key(image: Image) -> _Key:
    """Differs when the file does."""
    try:
        found = image.path.stat()
    except OSError as exc:
        raise ImageRefused(
            got=exc.strerror or str(exc), expected="its file", cure="put the file back"
        ).at(image.name) from exc
    return str(image.path), found.st_mtime_ns, found.st_size
