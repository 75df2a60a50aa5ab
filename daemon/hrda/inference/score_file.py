"""scores.npz, row by row: memory does not grow with the pool, and a kill costs one row.

Rows are appended to rows.bin as they are computed, each with a checksum. A run that is started
again keeps the complete rows of the same request and continues behind them. At the end the columns
are copied, in chunks, into scores.npz (`daemon.runs.run_folder.Scores`).
"""

from __future__ import annotations

import hashlib
import logging
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from daemon.hrda.device import versions
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import Request, RunFolder
from daemon.runs.score_columns import array_member

log = logging.getLogger(__name__)

CHUNK_ROWS = 512
CHECKSUM = "checksum"


def row_dtype(columns: Mapping[str, tuple[int, ...]]) -> np.dtype[np.void]:
    """The type of a row. columns: the shape of each for one image, by name."""
    fields = [(name, "<f4", shape) for name, shape in columns.items()]
    return np.dtype([("ids", "<i8", ()), *fields, (CHECKSUM, "<u4", ())])


def origin(request: Request, *files: Path) -> str:
    """64 hex digits of everything that scores depend on: the request, these files, versions."""
    found = hashlib.sha256(request.model_dump_json().encode() + repr(versions()).encode())
    for path in files:
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


class ScoreFile:
    """The rows of a run that is being computed.

    ids: of the images that may have a row; one that cannot be read has none. origin: 64 hex
    digits of everything that the rows depend on. done: the number of rows so far.
    """

    def __init__(
        self, folder: RunFolder, kind: np.dtype[np.void], ids: Sequence[int], origin: str
    ) -> None:
        self.folder, self.kind, self.ids = folder, kind, ids
        self.path = folder.path / "rows.bin"
        self._header = origin.encode()
        self._sorted = np.sort(np.fromiter(ids, np.int64, len(ids)))
        self._written = np.zeros(len(ids), np.bool_)
        self.done = 0
        self._read_earlier_rows()

    def is_missing(self, image_id: int) -> bool:
        """Whether this is an image of the request without a row."""
        index = int(np.searchsorted(self._sorted, image_id))
        known = index < len(self._sorted) and int(self._sorted[index]) == image_id
        return known and not self._written[index]

    def _mark(self, image_id: int) -> None:
        self._written[np.searchsorted(self._sorted, image_id)] = True
        self.done += 1

    def write(self, values: Iterable[tuple[int, Mapping[str, npt.ArrayLike]]]) -> None:
        """Append these rows, then write scores.npz.

        values: the id of an image without a row, and its columns by name.
        """
        with self.path.open("r+b" if self.done else "wb") as file:
            if not self.done:
                file.write(self._header)
            file.seek(len(self._header) + self.done * self.kind.itemsize)
            file.truncate()
            for image_id, columns in values:
                file.write(self._row(image_id, columns))
                file.flush()
                self._mark(image_id)
        self._write_scores()
        self.path.unlink()

    def _row(self, image_id: int, columns: Mapping[str, npt.ArrayLike]) -> bytes:
        row = np.zeros(1, self.kind)
        row["ids"] = image_id
        for name, value in columns.items():
            row[name] = value
        row[CHECKSUM] = _checksum(row.tobytes())
        return row.tobytes()

    def _read_earlier_rows(self) -> None:
        """Keep the rows of an earlier process: complete, and of images of this request."""
        try:
            with self.path.open("rb") as file:
                if file.read(len(self._header)) != self._header:
                    log.info("%s: belongs to another request; starting again", self.path)
                    return
                contents = iter(lambda: file.read(self.kind.itemsize), b"")
                for content in takewhile(self._is_complete, contents):
                    self._mark(int(np.frombuffer(content, self.kind)[0]["ids"]))
        except FileNotFoundError:
            return
        log.info("%s: continuing behind row %d of %d", self.path, self.done, len(self.ids))

    def _is_complete(self, content: bytes) -> bool:
        if len(content) < self.kind.itemsize:
            return False
        values = np.frombuffer(content, self.kind)[0]
        return bool(self.is_missing(int(values["ids"])) and values[CHECKSUM] == _checksum(content))

    def _write_scores(self) -> None:
        with (
            atomic_file(self.folder.scores_file) as part,
            zipfile.ZipFile(part, "w") as archive,
        ):
            for name in self.kind.names or ():
                if name != CHECKSUM:
                    column = self.kind[name]
                    shape = (self.done, *column.shape)
                    with array_member(archive, name, column.base, shape) as member:
                        self._write_column(name, member)

    def _write_column(self, name: str, member: IO[bytes]) -> None:
        with self.path.open("rb") as file:
            file.seek(len(self._header))
            while (chunk := np.fromfile(file, self.kind, CHUNK_ROWS)).size:
                member.write(chunk[name].tobytes())


def _checksum(row: bytes) -> int:
    """Of all but the last four bytes, which hold it."""
    return zlib.crc32(row[:-4])
