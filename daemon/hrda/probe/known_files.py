"""The files of a run as features and counts: images by their bytes, masks as pixels in cells."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import RunFailed
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.probe.feature_file import FeatureFile, ImageFeatures
from daemon.hrda.probe.label_cells import pixels_by_cell
from daemon.runs.checksums import sha256_of
from daemon.runs.records import ImageFile, LabeledFile

File = TypeVar("File", bound=ImageFile)


@dataclass(frozen=True, kw_only=True)
class LabeledFeatures:
    """pixels: (rows, columns, C), labeled pixels of each class in each cell of `image`."""

    file: LabeledFile
    image: ImageFeatures
    pixels: npt.NDArray[np.int32]


class KnownFiles:
    """Reads the files of runs, one run after the other; what it has read it keeps.

    A file that changes its size or its time of change is read again.
    """

    def __init__(self, features: FeatureFile) -> None:
        self.features = features
        self._digests: dict[Path, tuple[tuple[int, int], str]] = {}
        self._pixels: dict[tuple[str, str, int], npt.NDArray[np.int32]] = {}

    def images(
        self, files: Iterable[File], reader: FileReader
    ) -> Iterator[tuple[File, ImageFeatures]]:
        """The images that have features, in order. One that cannot be read is among the faults of
        `reader`. Raises RunFailed for a readable one without features."""
        for file in files:
            sha256 = self._digest(file.image)
            if sha256 in self.features:
                yield file, self.features.read(sha256)
            elif reader.image(file) is not None:
                raise RunFailed(
                    f"{file.role} image {file.id}: {file.image}: has no features in "
                    f"{self.features.folder}; expected those of every image; make them again"
                )

    def labeled(
        self, files: Iterable[LabeledFile], classes: int, reader: FileReader
    ) -> Iterator[LabeledFeatures]:
        """The images with their masks; where one of them cannot be used, as `images`."""
        for file, image in self.images(files, reader):
            pixels = self._pixels_of(file, image, classes, reader)
            if pixels is not None:
                yield LabeledFeatures(file=file, image=image, pixels=pixels)

    def _pixels_of(
        self, file: LabeledFile, image: ImageFeatures, classes: int, reader: FileReader
    ) -> npt.NDArray[np.int32] | None:
        key = (self._digest(file.mask), f"{image.size} {image.cell_px}", classes)
        if key not in self._pixels:
            mask = reader.mask(file, classes, image.size)
            if mask is None:
                return None
            self._pixels[key] = pixels_by_cell(mask, image.cell_px, classes)
        return self._pixels[key]

    def _digest(self, path: Path) -> str:
        """Of the bytes of a file, 64 hex digits; "" where it cannot be read."""
        try:
            found = os.stat(path)
            state = (found.st_size, found.st_mtime_ns)
            if path not in self._digests or self._digests[path][0] != state:
                self._digests[path] = (state, sha256_of(path))
        except OSError:
            return ""
        return self._digests[path][1]
