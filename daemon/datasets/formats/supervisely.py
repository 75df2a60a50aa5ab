"""Supervisely and Dataset Ninja projects: meta.json, and a folder img and ann for each dataset.

The later object of a list wins. What a dataset is for decides what an image without objects
means: where no image of the dataset has any, they are unlabeled, else they are background only.
An object with nnCreated was drawn by a machine; where nnUpdated is false, a person changed it.
Layout and geometry as in the SDK (supervisely 6, project/, geometry/), which is never imported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.datasets.formats.supervisely_geometry import AREAS, decode
from daemon.datasets.json_files import list_of, object_of, read_json, size_like, text_of
from daemon.datasets.painting import Canvas, Outline, drawn
from daemon.datasets.samples import (
    BACKGROUND,
    MOST_CLASSES,
    Count,
    Labels,
    LabelsUnusable,
    Repair,
    Sample,
    Source,
    Trust,
)
from daemon.datasets.source_tree import Tree, stem_of
from daemon.domain import Fault
from daemon.domain.errors import DatasetRefused
from daemon.domain.formatting import short_repr
from daemon.pixels.headers import MOST_PIXELS

LOOKED_FOR = "Supervisely: meta.json with the list classes, and DATASET/img, DATASET/ann"
HIDDEN = ("$sly.error.region", "__bg__")  # classes that mark no object
MOST_OBJECTS = 100_000  # of an image
_WHERE_EXPECTED = "the title of a class of meta.json"


def recognize(tree: Tree, trust: Trust) -> Source | None:
    """The source, where the meta.json nearest to the root is a project's; None where none is.

    Raises DatasetRefused for a project of another kind than images, or whose classes are broken.
    """
    metas = [name for name in tree.ending("meta.json") if name.split("/")[-1] == "meta.json"]
    for name in sorted(metas, key=lambda name: name.count("/")):
        try:
            content = read_json(tree.path(name), name)
        except LabelsUnusable:
            continue
        if isinstance(content, dict) and isinstance(content.get("classes"), list):
            return _Project(tree, trust, name.rpartition("/")[0], content).source()
    return None


@dataclass
class _Project:
    """A project below `root` of the tree. values: title of a class -> its value."""

    tree: Tree
    trust: Trust
    root: str
    meta: Mapping[str, Any]
    faults: list[Fault] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=lambda: {BACKGROUND: 0})

    def source(self) -> Source:
        kind = self.meta.get("projectType", "images")
        if kind != "images":
            raise DatasetRefused(f"{self.root}/meta.json: projectType {kind!r}; expected 'images'")
        self._read_classes()
        samples: list[Sample] = []
        for dataset, images in self._datasets():
            samples += self._samples(dataset, images)
        if not samples:
            raise DatasetRefused(
                f"{self.root or '.'}: got a Supervisely project without pictures in DATASET/img; "
                f"expected them beside DATASET/ann; export the project with its images as files"
            )
        return Source(
            format="Supervisely",
            classes=tuple(self.values),
            samples=samples,
            faults=tuple(self.faults),
        )

    def _read_classes(self) -> None:
        try:
            for entry in self.meta["classes"]:
                title = text_of(object_of(entry, "meta.json, classes").get("title"), "meta.json")
                if title not in HIDDEN:
                    self.values.setdefault(title, len(self.values))
        except LabelsUnusable as exc:
            raise DatasetRefused(str(exc)) from exc
        if len(self.values) > MOST_CLASSES:
            raise DatasetRefused(f"meta.json: expected at most {MOST_CLASSES} classes")

    def _datasets(self) -> Iterator[tuple[str, list[str]]]:
        """Path of each dataset -> its images. Nested ones lie in folders `datasets`."""
        found: dict[str, list[str]] = defaultdict(list)
        start = f"{self.root}/" if self.root else ""
        for path in self.tree.pictures:
            folder, _, _ = path.rpartition("/")
            if folder.startswith(start) and folder.endswith("/img"):
                found[folder.removesuffix("/img")].append(path)
        yield from sorted(found.items())

    def _samples(self, dataset: str, images: Sequence[str]) -> Iterator[Sample]:
        files = {path: self._annotation(dataset, path) for path in images}
        self._require_images(dataset, set(files.values()))
        kinds = {file: self._kinds(file) for file in files.values() if file is not None}
        labeled = any(AREAS.keys() & found for found in kinds.values() if found is not None)
        names = dataset.removeprefix(f"{self.root}/" if self.root else "").split("/")
        split = "/".join(name for name in names if name != "datasets")
        for path, file in files.items():
            found = kinds[file] if file is not None else set()
            no_area = bool(found and not AREAS.keys() & found)
            draws = found is None or (labeled and not no_area)  # None: broken, which is a fault
            yield Sample(
                image=path,
                splits=(split,),
                labels=self._drawing(file) if file is not None and draws else None,
                repairs=(Count(repair=Repair.NO_AREA),) if no_area else (),
            )

    def _require_images(self, dataset: str, used: set[str | None]) -> None:
        """Name each annotation file without a picture."""
        for path in self.tree.ending(".json"):
            if path.rpartition("/")[0] == f"{dataset}/ann" and path not in used:
                got, expected = "no picture of that name in img", "one"
                cure = "add the picture, or remove the file"
                self.faults.append(Fault(where=path, got=got, expected=expected, cure=cure))

    def _annotation(self, dataset: str, image: str) -> str | None:
        """The file of an image: its name and .json; in old projects without the image's ending."""
        name = image.rpartition("/")[2]
        for stem in (name, stem_of(name)):
            path = f"{dataset}/ann/{stem}.json"
            if path in self.tree.others_listed:
                return path
        return None

    def _kinds(self, file: str) -> set[str] | None:
        """The kinds of the objects of an annotation file; None for one that cannot be read."""
        try:
            objects = _annotation_of(read_json(self.tree.path(file), file), file)[1]
            return {_kind_of(object_of(one, file)) for one in objects}
        except LabelsUnusable:
            return None

    def _drawing(self, file: str) -> Callable[[tuple[int, int]], Labels]:
        def labels(size: tuple[int, int]) -> Labels:
            content, objects = _annotation_of(read_json(self.tree.path(file), file), file)
            outlines = _Outlines(self.values, Canvas(_size_of(content, size, file)))
            return drawn(outlines.of(objects, file), outlines.canvas, self.trust)

        return labels


def _annotation_of(content: object, file: str) -> tuple[dict[str, Any], list[Any]]:
    """An annotation and its objects, also where it is wrapped. Raises LabelsUnusable."""
    entry = object_of(content, file)
    if isinstance(entry.get("annotation"), dict):
        entry = entry["annotation"]
    objects = list_of(entry.get("objects"), f"{file}, objects")
    if len(objects) > MOST_OBJECTS:
        raise LabelsUnusable(
            file, f"{len(objects)} objects", f"at most {MOST_OBJECTS}", "leave the image out"
        )
    return entry, objects


def _kind_of(entry: Mapping[str, Any]) -> str:
    """bitmap, polygon, ...; the text of anything else that stands there."""
    found = entry.get("geometryType", entry.get("shape"))
    return found if isinstance(found, str) else short_repr(found, 40)


def _size_of(content: Mapping[str, Any], seen: tuple[int, int], file: str) -> tuple[int, int]:
    """The size that the file states. Raises LabelsUnusable where its image has another."""
    where = f"{file}, size"
    stated = object_of(content.get("size"), where)
    return size_like(seen, stated.get("height"), stated.get("width"), where, MOST_PIXELS)


@dataclass(frozen=True)
class _Outlines:
    """Reads objects. values: title of a class -> its value. canvas: what is left out is noted
    there."""

    values: Mapping[str, int]
    canvas: Canvas

    def of(self, objects: Sequence[Any], file: str) -> list[Outline]:
        """The objects that hold an area, in order. Raises LabelsUnusable for a broken one."""
        found = (self._outline(one, f"{file}, object {at}") for at, one in enumerate(objects))
        return [one for one in found if one is not None]

    def _outline(self, one: object, where: str) -> Outline | None:
        entry = object_of(one, where)
        title = entry.get("classTitle")
        if title in HIDDEN:
            return None
        if not isinstance(title, str) or title not in self.values:
            raise LabelsUnusable(where, short_repr(title), _WHERE_EXPECTED, "add the class")
        kind = _kind_of(entry)
        if kind not in AREAS:
            self.canvas.note(Repair.OTHER_GEOMETRY, detail=short_repr(kind, 40))
            return None
        return Outline(
            value=self.values[title],
            pixels=lambda canvas: decode(kind, entry, canvas.size, where),
            is_box=kind == "rectangle",
            by_machine=bool(entry.get("nnCreated")) and entry.get("nnUpdated") is not False,
        )
