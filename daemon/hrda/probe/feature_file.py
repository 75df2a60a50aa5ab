"""Dense features of many images in a folder: written image by image, read through memory maps.

    layout.json   what the rows depend on, and their shapes
    cells.npy     (cells, channels) float16; an image's cells lie together, row by row
    index.bin     a row for each image: its bytes, where its cells are, its embedding, a checksum

A run that is started again keeps the complete rows of the same request and goes on behind them.
Images are known by the bytes of their file, never by id or path.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import RunFailed
from daemon.runs.durable import write_json

Floats = npt.NDArray[np.float32]
Cells = npt.NDArray[np.float16]

CHECKSUM = "checksum"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """origin: 64 hex digits of everything that the features depend on. channels: numbers a cell.
    embedding: length of the embedding of an image."""

    origin: str
    channels: int
    embedding: int

    def row(self) -> np.dtype[np.void]:
        """The type of a row of the index."""
        return np.dtype(
            [
                ("sha256", "S64"),
                ("first", "<i8"),
                ("rows", "<i4"),
                ("columns", "<i4"),
                ("height", "<i4"),
                ("width", "<i4"),
                ("cell_px", "<i4"),
                ("embedding", "<f4", (self.embedding,)),
                (CHECKSUM, "<u4"),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class ImageFeatures:
    """The features of one image.

    cells: (rows, columns, channels) float16. size: (H, W) pixels of the image. cell_px: of them,
    along a side of a cell; the last row and column may reach beyond the image. embedding: (D,)
    L2-normalised, that of the verb `embed`.
    """

    cells: Cells
    size: tuple[int, int]
    cell_px: int
    embedding: Floats


class FeatureWriter:
    """Appends images to the files of a folder. done: sha256 of those that are in them."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder, self.layout = folder, layout
        kept = _complete_rows(folder, layout) if _read_layout(folder) == layout else None
        if kept is None:
            kept = np.zeros(0, layout.row())
            _index(folder).unlink(missing_ok=True)
            _write_header(_cells(folder), layout, 0)
            write_json(folder / "layout.json", vars(layout))
        self.done = {str(digest, "ascii") for digest in kept["sha256"].tolist()}
        self._rows = len(kept)
        self._written = int((kept["first"] + kept["rows"] * kept["columns"]).max(initial=0))

    @contextmanager
    def appending(self) -> Iterator[FeatureWriter]:
        """Open the files behind the last complete row; at the end their header and the disk have
        everything."""
        row_bytes = 2 * self.layout.channels
        with _cells(self.folder).open("r+b") as self._cells, _index(self.folder).open("ab") as rows:
            rows.truncate(self._rows * self.layout.row().itemsize)
            self._index = rows
            self._cells.seek(len(_header(self.layout, 0)) + self._written * row_bytes)
            self._cells.truncate()
            yield self
            self._cells.flush()
            _write_header(_cells(self.folder), self.layout, self._written)
            for file in (self._cells, rows):
                file.flush()
                os.fsync(file.fileno())

    def add(self, sha256: str, found: ImageFeatures) -> None:
        """Append an image; a kill between two images costs nothing."""
        row = np.zeros(1, self.layout.row())
        row["sha256"], row["first"], row["cell_px"] = sha256.encode(), self._written, found.cell_px
        row["rows"], row["columns"] = found.cells.shape[:2]
        row["height"], row["width"] = found.size
        row["embedding"] = found.embedding
        row[CHECKSUM] = _checksum(row.tobytes())
        self._cells.write(np.ascontiguousarray(found.cells, "<f2").tobytes())
        self._cells.flush()
        self._index.write(row.tobytes())
        self._index.flush()
        self.done.add(sha256)
        self._written += found.cells.shape[0] * found.cells.shape[1]


class FeatureFile:
    """The features in the folder of a finished run. Raises RunFailed where there are none."""

    def __init__(self, folder: Path) -> None:
        layout = _read_layout(folder)
        if layout is None or not (folder / "result.json").exists():
            raise RunFailed(
                f"{folder}: holds no finished features; make them with `python -m daemon.hrda "
                f"features` or `maskloop simulate --learner probe`"
            )
        self.folder, self.layout = folder, layout
        self._index = _complete_rows(folder, layout)
        self._cells: Cells = np.load(_cells(folder), mmap_mode="r", allow_pickle=False)
        self._row = {str(digest, "ascii"): row for row, digest in enumerate(self._index["sha256"])}

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._row

    def read(self, sha256: str) -> ImageFeatures:
        """The features of the image with these bytes; KeyError where there are none."""
        row = self._index[self._row[sha256]]
        shape = (int(row["rows"]), int(row["columns"]))
        first = int(row["first"])
        cells = self._cells[first : first + shape[0] * shape[1]]
        return ImageFeatures(
            cells=cells.reshape(*shape, -1),
            size=(int(row["height"]), int(row["width"])),
            cell_px=int(row["cell_px"]),
            embedding=np.array(row["embedding"]),
        )


def _cells(folder: Path) -> Path:
    return folder / "cells.npy"


def _index(folder: Path) -> Path:
    return folder / "index.bin"


def _read_layout(folder: Path) -> Layout | None:
    try:
        return Layout(**json.loads((folder / "layout.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _header(layout: Layout, count: int) -> bytes:
    """That of cells.npy; numpy leaves room in it, so that its length is the same for any count."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f2", "fortran_order": False, "shape": (count, layout.channels)}
    )
    return buffer.getvalue()


def _write_header(path: Path, layout: Layout, count: int) -> None:
    path.touch()
    with path.open("r+b") as file:
        file.write(_header(layout, count))


def _complete_rows(folder: Path, layout: Layout) -> npt.NDArray[np.void]:
    """The rows of the index before the first that a kill cut off."""
    kind, content = layout.row(), b""
    if _index(folder).exists():
        content = _index(folder).read_bytes()
    rows = np.frombuffer(content, kind, len(content) // kind.itemsize)
    good = [row[CHECKSUM] == _checksum(row.tobytes()) for row in rows]
    return rows[: good.index(False)] if False in good else rows


def _checksum(row: bytes) -> int:
    """Of all but the last four bytes, which hold it."""
    return zlib.crc32(row[:-4])
