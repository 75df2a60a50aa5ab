"""Formats that draw objects over a background and have no pixels without a label."""

from __future__ import annotations

import abc
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from connectors.masks import regions
from daemon.datasets.export.exported_label import ExportedLabel
from daemon.datasets.export.format_losses import EmptyLists, Loss
from daemon.datasets.export.format_names import MAP, no_label_name, write_map
from daemon.datasets.export.json_list import JsonList
from daemon.datasets.export.label_files import LabelFiles
from daemon.datasets.formats import supervisely_encoding
from daemon.domain import IGNORE, ClassSet, Role
from daemon.pixels.masks import counts_of

TASKS, META = "tasks.json", "meta.json"


class ObjectFiles(LabelFiles):
    """Files with map.toml. titles: pixel value -> what its objects are called; those of 255 are
    called "no label"."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        self.titles = dict(enumerate(self.classes)) | {IGNORE: no_label_name(classes)}

    def write(self, label: ExportedLabel) -> None:
        """Write a label, then count what the format cannot hold of it."""
        self.draw(label)
        counts = counts_of(label.mask)
        self.losses[Loss.NO_LABEL_CLASS] += int(counts[IGNORE])
        self.count(label, np.flatnonzero(counts).tolist())

    @abc.abstractmethod
    def draw(self, label: ExportedLabel) -> None:
        """Write the objects of a label."""

    @abc.abstractmethod
    def count(self, label: ExportedLabel, values: Sequence[int]) -> None:
        """Count losses of a label, the pixels of 255 aside. values: those that it holds."""

    @property
    def drawn_titles(self) -> tuple[str, ...]:
        """What objects of these labels may be called, in the order of the pixel values."""
        return (*self.classes[1:], *self._ignored())

    def finish(self) -> None:
        """Write map.toml."""
        write_map(self.out / MAP, self.classes, self._ignored(), self.read_as)

    def read_as(self, name: str) -> str:
        """How `maskloop import` reads the name of a class in this format."""
        return name

    def _ignored(self) -> Sequence[str]:
        return [self.titles[IGNORE]] if self.losses[Loss.NO_LABEL_CLASS] else []


class ListedObjectFiles(ObjectFiles):
    """Files that keep the splits apart, and cannot say that an image without objects was labeled
    where no image of its split has one."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        self._lists = EmptyLists()

    def count(self, label: ExportedLabel, values: Sequence[int]) -> None:
        """Count the objects of each split."""
        self._lists.add(label.split, values)

    def finish(self) -> None:
        """Write map.toml; count the labels of splits without an object."""
        super().finish()
        self.losses[Loss.NO_OBJECT] = self._lists.number


class SuperviselyFiles(ListedObjectFiles):
    """A project: meta.json, and a dataset SPLIT with img and ann for each split; and map.toml."""

    def draw(self, label: ExportedLabel) -> None:
        """Write the annotation file of an image."""
        folder = self.out / label.split / "ann"
        folder.mkdir(parents=True, exist_ok=True)
        content = supervisely_encoding.annotation(label.mask, self.titles)
        (folder / f"{label.file}.json").write_text(json.dumps(content), encoding="utf-8")

    def finish(self) -> None:
        """Write the classes."""
        super().finish()
        content = supervisely_encoding.meta(self.drawn_titles)
        (self.out / META).write_text(json.dumps(content, indent=1), encoding="utf-8")

    def image_folder(self, label: ExportedLabel) -> Path:
        """The folder img of the dataset."""
        return self.out / label.split / "img"


class LabelStudioFiles(ObjectFiles):
    """tasks.json: tasks with an annotation each, of bitmasks; and map.toml."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        self._held: set[int] = set()
        self._classes = ClassSet(names=self.classes, ignore_label=self.titles[IGNORE])
        self._control = regions.Control(from_name="mask", to_name="image")
        self._tasks = self._open.enter_context(JsonList(out / TASKS))

    def draw(self, label: ExportedLabel) -> None:
        """Add the task of an image."""
        result = regions.encode(label.mask, self._classes, self._control, {})
        for number, region in enumerate(result):
            region["id"] = f"{label.image.id}_{number}"  # the same at every export
        number = label.image.id
        annotation = {"id": number, "result": result, "was_cancelled": False}
        image = f"images/{label.file}"
        self._tasks.add({"id": number, "annotations": [annotation], "data": {"image": image}})

    def count(self, label: ExportedLabel, values: Sequence[int]) -> None:
        """Count the labels of other lists; keep which classes occur."""
        self.losses[Loss.SPLIT] += label.image.role is not Role.POOL
        self._held.update(values)

    def finish(self) -> None:
        """End the file."""
        super().finish()
        self._tasks.close()
        self.losses[Loss.CLASS] = len(set(range(1, len(self.classes))) - self._held)
