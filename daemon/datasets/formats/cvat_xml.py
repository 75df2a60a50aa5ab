"""The XML of CVAT for images 1.1, read as a stream: labels, images and shapes, nothing decoded.

A document type is refused, and with it every entity: no bomb, no file from outside. CVAT writes
neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NoReturn
from xml.parsers import expat

from daemon.datasets.json_files import MOST_BYTES
from daemon.datasets.samples import LabelsUnusable
from daemon.pixels.reader import opened_file

CHUNK_BYTES = 2**20
MOST_DEPTH = 30
MOST_NAME_CHARS = 1000
_CURE = "export again as CVAT for images 1.1"
_LABEL_NAME = ["labels", "label", "name"]


@dataclass(frozen=True, kw_only=True)
class CvatShape:
    """An element below an image: polygon, box, mask, ... attributes: as written."""

    kind: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class CvatImage:
    """An image of the file. attributes: name, width, height, subset, ... as written."""

    attributes: Mapping[str, str]
    shapes: list[CvatShape] = field(default_factory=list)


@dataclass(kw_only=True)
class CvatFile:
    """What a file holds. labels: of its tasks, in order. tracks: of a video."""

    labels: list[str] = field(default_factory=list)
    images: list[CvatImage] = field(default_factory=list)
    tracks: int = 0


def read_cvat(path: Path, where: str) -> CvatFile:
    """Read a file. Raises LabelsUnusable, naming `where`, for anything but such XML."""
    reader = _Reader()
    try:
        with opened_file(path) as stream:
            reader.read(stream)
    except (expat.ExpatError, ValueError, OSError) as exc:
        got, expected = f"no usable XML: {exc}"[:300], "the XML of CVAT for images 1.1"
        raise LabelsUnusable(where, got, expected, _CURE) from exc
    return reader.file


class _Reader:
    """Follows the elements of a file. path: those that are open."""

    def __init__(self) -> None:
        self.file = CvatFile()
        self._path: list[str] = []
        self._name = ""

    def read(self, stream: IO[bytes]) -> None:
        """Parse a file to its end. Raises ExpatError and ValueError."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        size = 0
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES} bytes")
            parser.Parse(chunk, False)
        parser.Parse(b"", True)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        if len(self._path) > MOST_DEPTH:
            raise ValueError(f"elements within elements, {MOST_DEPTH} deep")
        if not self._path[:1] == ["annotations"]:
            raise ValueError(f"the root {tag[:60]!r}; expected annotations")
        parent = self._path[1:-1]
        if parent == [] and tag == "image":
            self.file.images.append(CvatImage(attributes=attributes))
        elif parent == [] and tag == "track":
            self.file.tracks += 1
        elif parent == ["image"]:
            shape = CvatShape(kind=tag, attributes=attributes)
            self.file.images[-1].shapes.append(shape)

    def _text(self, text: str) -> None:
        if self._path[-3:] == _LABEL_NAME:
            self._name = f"{self._name}{text}"[:MOST_NAME_CHARS]

    def _end(self, _: str) -> None:
        if self._path[-3:] == _LABEL_NAME:
            self.file.labels.append(" ".join(self._name.split()))
            self._name = ""
        self._path.pop()


def _refuse_doctype(*_: object) -> NoReturn:
    raise ValueError("a document type, which may hold entities that grow")
