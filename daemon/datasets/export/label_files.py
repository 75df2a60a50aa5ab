"""How each format lays out labels in files; one label at a time is in memory."""

from __future__ import annotations

import abc
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from connectors.masks import regions
from daemon.datasets.export.exported_label import SPLITS, ExportedLabel
from daemon.datasets.export.format_names import MAP, no_label_name, write_map
from daemon.datasets.export.json_list import JsonList
from daemon.datasets.formats import coco_encoding, supervisely_encoding
from daemon.domain import IGNORE, ClassSet

COCO, TASKS = "instances_{}.json", "tasks.json"
# What a format may write below the folder of the export.
OURS = (
    "masks", MAP, "meta.json", TASKS, *SPLITS.values(), *map(COCO.format, SPLITS.values())
)  # fmt: skip


class LabelFiles(abc.ABC):
    """The labels of one export. out: its folder. classes: names by pixel value."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        self.out, self.classes = out, tuple(classes)
        self._open = ExitStack()  # files, closed also where the export is stopped

    @abc.abstractmethod
    def write(self, label: ExportedLabel) -> None:
        """Write a label. Each image comes once."""

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
        if label.split not in self._files:
            fields = {"categories": coco_encoding.categories(self.classes)}
            entries = JsonList(self.out / COCO.format(label.split), "annotations", fields)
            self._files[label.split] = _CocoFile(self._open.enter_context(entries))
        self._files[label.split].write(label)

    def finish(self) -> None:
        """Write the images of each file."""
        for file in self._files.values():
            file.finish()
        write_map(self.out / MAP, self.classes, ())


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


class SuperviselyFiles(LabelFiles):
    """A project: meta.json, and a dataset SPLIT with img and ann for each split; and map.toml."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        self._titles = dict(enumerate(self.classes)) | {IGNORE: no_label_name(classes)}
        self._has_no_label = False

    def write(self, label: ExportedLabel) -> None:
        """Write the annotation file of an image."""
        folder = self.out / label.split / "ann"
        folder.mkdir(parents=True, exist_ok=True)
        content = supervisely_encoding.annotation(label.mask, self._titles)
        self._has_no_label |= bool((label.mask == IGNORE).any())
        (folder / f"{label.file}.json").write_text(json.dumps(content), encoding="utf-8")

    def finish(self) -> None:
        """Write the classes."""
        ignored = [self._titles[IGNORE]] if self._has_no_label else []
        content = supervisely_encoding.meta([*self.classes[1:], *ignored])
        (self.out / "meta.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
        write_map(self.out / MAP, self.classes, ignored)

    def image_folder(self, label: ExportedLabel) -> Path:
        """The folder img of the dataset."""
        return self.out / label.split / "img"


class LabelStudioFiles(LabelFiles):
    """tasks.json: tasks with an annotation each, of bitmasks; and map.toml."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        self._ignored = no_label_name(classes)
        self._has_no_label = False
        self._classes = ClassSet(names=self.classes, ignore_label=self._ignored)
        self._control = regions.Control(from_name="mask", to_name="image")
        self._tasks = self._open.enter_context(JsonList(out / TASKS))

    def write(self, label: ExportedLabel) -> None:
        """Add the task of an image."""
        self._has_no_label |= bool((label.mask == IGNORE).any())
        result = regions.encode(label.mask, self._classes, self._control, {})
        for number, region in enumerate(result):
            region["id"] = f"{label.image.id}_{number}"  # the same at every export
        number = label.image.id
        annotation = {"id": number, "result": result, "was_cancelled": False}
        image = f"images/{label.file}"
        self._tasks.add({"id": number, "annotations": [annotation], "data": {"image": image}})

    def finish(self) -> None:
        """End the file."""
        self._tasks.close()
        write_map(self.out / MAP, self.classes, [self._ignored] if self._has_no_label else [])


FORMATS: Mapping[str, type[LabelFiles]] = {
    "png": ClassIndexFiles,
    "coco": CocoFiles,
    "supervisely": SuperviselyFiles,
    "label_studio": LabelStudioFiles,
}
