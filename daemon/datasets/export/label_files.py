"""How formats lay out labels in files; one label at a time is in memory."""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

from daemon.datasets.export.exported_label import ExportedLabel
from daemon.datasets.export.format_losses import Loss
from daemon.datasets.export.format_names import MAP, read_name, write_map
from daemon.datasets.export.json_list import JsonList
from daemon.datasets.formats import coco_encoding
from daemon.domain import IGNORE

COCO = "instances_{}.json"


class LabelFiles(abc.ABC):
    """The labels of one export. out: its folder. classes: names by pixel value. losses: what the
    format cannot hold of what was written, complete after `finish`."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        self.out, self.classes = out, tuple(classes)
        self.losses: Counter[Loss] = Counter()
        self._open = ExitStack()  # files, closed also where the export is stopped

    @abc.abstractmethod
    def write(self, label: ExportedLabel) -> None:
        """Write a label. Each image comes once.

        Raises LabelsUnusable for one that the format cannot hold: then nothing of it is written.
        """

    def finish(self) -> None:
        """Write what is known only at the end."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def image_folder(self, _: ExportedLabel) -> Path:
        """The folder that the image of a label lies in, where images are exported too."""
        return self.out / "images"


class ClassIndexFiles(LabelFiles):
    """masks/NAME.png: one class index a pixel, 255 = no label."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        (out / "masks").mkdir()

    def write(self, label: ExportedLabel) -> None:
        """Write a mask, as the store keeps it."""
        (self.out / "masks" / f"{label.name}.png").write_bytes(label.png)


class CocoFiles(LabelFiles):
    """instances_SPLIT.json for each split that has labels, and map.toml."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        self._files: dict[str, _CocoFile] = {}

    def write(self, label: ExportedLabel) -> None:
        """Add an image and its objects to the file of its split."""
        self.losses[Loss.NO_LABEL_CROWD] += int(np.count_nonzero(label.mask == IGNORE))
        if label.split not in self._files:
            fields = {"categories": coco_encoding.categories(self.classes)}
            entries = JsonList(self.out / COCO.format(label.split), "annotations", fields)
            self._files[label.split] = _CocoFile(self._open.enter_context(entries))
        self._files[label.split].write(label)

    def finish(self) -> None:
        """Write the images of each file."""
        for file in self._files.values():
            file.finish()
        write_map(self.out / MAP, self.classes, (), read_name)


class _CocoFile:
    """One file; of its images only names and sizes are kept in memory."""

    def __init__(self, entries: JsonList) -> None:
        self._list = entries
        self._images: list[dict[str, Any]] = []
        self._annotations = 0

    def write(self, label: ExportedLabel) -> None:
        """Add an image and its objects."""
        height_px, width_px = label.mask.shape
        number = label.image.id
        entry = {"id": number, "file_name": label.file, "height": height_px, "width": width_px}
        self._images.append(entry)
        for one in coco_encoding.objects(label.mask, number):
            self._annotations += 1
            self._list.add({"id": self._annotations, **one})

    def finish(self) -> None:
        """Write the images, and end the file."""
        self._list.close({"images": self._images})
