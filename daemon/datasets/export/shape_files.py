"""Labels as files of CVAT for images 1.1, Datumaro and YOLO segmentation."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.datasets.annotated_images import MOST_OBJECTS
from daemon.datasets.export.exported_label import SPLITS, ExportedLabel
from daemon.datasets.export.format_names import read_name
from daemon.datasets.export.json_list import JsonList
from daemon.datasets.export.object_files import ListedObjectFiles
from daemon.datasets.formats import cvat_encoding, datumaro_encoding, yolo_encoding
from daemon.datasets.formats.yolo_labels import MOST_BYTES
from daemon.datasets.samples import LabelsUnusable
from daemon.pixels.coco_rle import MOST_CHARS

XML, XML_IMAGES = "annotations.xml", ".annotations.images"
ANNOTATIONS, LABELS, DATA = "annotations", "labels", "data.yaml"
YOLO_SPLITS = {"train": "train", "validation": "val"}  # the others are on no list of data.yaml


class SubsetFiles(ListedObjectFiles):
    """Files whose images lie in images/SPLIT."""

    def read_as(self, name: str) -> str:
        """The name with single blanks."""
        return read_name(name)

    def image_folder(self, label: ExportedLabel) -> Path:
        """The folder of the split."""
        return self.out / "images" / label.split


class CvatFiles(SubsetFiles):
    """annotations.xml, which lists the splits as subsets; and map.toml.

    The labels come first in the file and are known last: so the images wait in a file of their own.
    """

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        self._number = 0
        path = out / XML_IMAGES
        self._images = self._open.enter_context(path.open("w+", encoding="utf-8"))

    def draw(self, label: ExportedLabel) -> None:
        """Add the element of an image."""
        text = cvat_encoding.image(self._number, label.file, label.split, label.mask, self.titles)
        _require_fitting(label, "characters", len(text), MOST_CHARS)
        self._images.write(text)
        self._number += 1

    def finish(self) -> None:
        """Write labels and images into one file."""
        super().finish()
        self._images.seek(0)
        with (self.out / XML).open("w", encoding="utf-8") as file:
            file.write(cvat_encoding.head(self.drawn_titles))
            shutil.copyfileobj(self._images, file)
            file.write(cvat_encoding.TAIL)
        self._images.close()
        (self.out / XML_IMAGES).unlink()


class DatumaroFiles(SubsetFiles):
    """annotations/SPLIT.json for each split that has labels; and map.toml."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        self._ids = _positions(self.titles)
        self._files: dict[str, JsonList] = {}
        (out / ANNOTATIONS).mkdir()

    def draw(self, label: ExportedLabel) -> None:
        """Add the item of an image to the file of its split."""
        entry = datumaro_encoding.item(label.name, label.file, label.mask, self._ids)
        for one in entry["annotations"]:
            _require_fitting(label, "characters", len(one["rle"]["counts"]), MOST_CHARS)
        self._of_split(label.split).add(entry)

    def _of_split(self, split: str) -> JsonList:
        if split not in self._files:
            path = self.out / ANNOTATIONS / f"{split}.json"
            file = JsonList(path, "items", datumaro_encoding.HEAD)
            self._files[split] = self._open.enter_context(file)
        return self._files[split]

    def finish(self) -> None:
        """Write the labels behind the items of each file."""
        super().finish()
        for file in self._files.values():
            file.close({"categories": datumaro_encoding.categories(self.drawn_titles)})


class YoloFiles(SubsetFiles):
    """labels/SPLIT/NAME.txt, data.yaml; and map.toml."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        super().__init__(out, classes)
        self._indices = _positions(self.titles)
        self._splits: set[str] = set()

    def draw(self, label: ExportedLabel) -> None:
        """Write the label file of an image, empty where it shows no object."""
        lines = list(yolo_encoding.lines(label.mask, self._indices))
        text = "".join(f"{line}\n" for line in lines)
        _require_fitting(label, "regions", len(lines), MOST_OBJECTS)
        _require_fitting(label, "characters", len(text), MOST_BYTES)
        folder = self.out / LABELS / label.split
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{label.name}.txt").write_text(text, encoding="utf-8")
        self._splits.add(label.split)

    def finish(self) -> None:
        """Write data.yaml."""
        super().finish()
        splits = {
            YOLO_SPLITS[split]: f"images/{split}"
            for split in SPLITS.values()
            if split in self._splits and split in YOLO_SPLITS
        }
        text = yolo_encoding.data_yaml(self.drawn_titles, splits)
        (self.out / DATA).write_text(text, encoding="utf-8")


def _positions(titles: Mapping[int, str]) -> dict[int, int]:
    """Pixel value -> its position among the values that are drawn: 255 comes last."""
    return {value: at for at, value in enumerate(sorted(value for value in titles if value > 0))}


def _require_fitting(label: ExportedLabel, what: str, number: int, most: int) -> None:
    """Raise LabelsUnusable for a label that `maskloop import` would refuse for its size."""
    if number > most:
        where = f"label of image {label.image.name!r}"
        cure = "export it with --format png, which holds any mask"
        raise LabelsUnusable(where, f"{number} {what}", f"at most {most} in this format", cure)
