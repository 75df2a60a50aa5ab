"""Pictures that were drawn for pages, on disk, so that each is drawn once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock

MOST_BYTES = 512 * 2**20
WRITES_PER_CHECK = 256  # of the size: it looks at every file


class PictureCache:
    """A folder of pictures by key. most_bytes: about as much may lie there; the oldest files go.

    Safe to use from several threads and processes. A disk that cannot be written costs time only.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._lock = Lock()
        self._writes = 0

    def picture(self, key: str, draw: Callable[[], bytes]) -> bytes:
        """The picture of this key; drawn by `draw`, one at a time, where it is not there yet."""
        path = self._path(key)
        with suppress(OSError):
            return path.read_bytes()
        with self._lock:  # a picture of 64 megapixels takes 200 MB while it is decoded
            with suppress(OSError):
                return path.read_bytes()  # another thread drew it meanwhile
            content = draw()
            with suppress(OSError):
                self._write(path, content)
        return content

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / name[:2] / name

    def _write(self, path: Path, content: bytes) -> None:
        self._writes += 1
        if self._writes % WRITES_PER_CHECK == 0:
            self._remove_oldest()
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, delete=False) as part:
            try:
                part.write(content)
                part.flush()
                os.replace(part.name, path)
            except OSError:
                os.unlink(part.name)
                raise

    def _remove_oldest(self) -> None:
        """Leave half of what may lie there, the newest files."""
        found = []
        for path in self._folder.glob("*/*"):
            with suppress(OSError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        left = sum(size for _, size, _ in found)
        if left <= self._most_bytes:
            return
        for _, size, path in sorted(found):
            if left <= self._most_bytes // 2:
                return
            with suppress(OSError):
                path.unlink()
                left -= size
