"""The points placed so far, on disk chunk by chunk: a killed run loses one chunk at the most."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from daemon.runs.map_files import FloatArray

POINT_BYTES = 8  # two float32


class PlacedPoints:
    """A file of points (M, 2) float32 in the order of their images.

    chunk: how many are added at once. total: how many there will be. A part of a chunk at the end
    of the file, of a process that was killed, is cut off.
    """

    def __init__(self, path: Path, chunk: int, total: int) -> None:
        self._path, self._chunk, self._total = path, chunk, total
        whole = path.stat().st_size // POINT_BYTES if path.exists() else 0
        self.count = total if whole >= total else whole // chunk * chunk
        if path.exists():
            os.truncate(path, self.count * POINT_BYTES)

    @property
    def complete(self) -> bool:
        """Whether all are there."""
        return self.count == self._total

    @property
    def next_chunk(self) -> slice:
        """Which of the images come next."""
        return slice(self.count, min(self.count + self._chunk, self._total))

    def add(self, points: FloatArray) -> None:
        """Append the points of the next chunk, durably."""
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(points, dtype=np.float32).tobytes())
            file.flush()
            os.fsync(file.fileno())
        self.count += len(points)

    def read(self) -> FloatArray:
        """All points so far: (count, 2)."""
        return np.fromfile(self._path, dtype=np.float32).reshape(-1, 2)
