"""COCO: one JSON file with images, annotations and categories; also several, a split each.

An object is polygons in pixels, or run lengths. A ring inside another ring of its object is a
hole (pycocotools fills it: COCO itself has none); a ring holds the pixels that it has there. The
later annotation of a list wins. A crowd region gives its pixels no label. An object without
segmentation is its box; one with a score was drawn by a machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.masks.shapes import Patch
from daemon.datasets.formats import coco_polygon
from daemon.datasets.formats.coco_outline import box_corners, decode
from daemon.datasets.json_files import head, read_json, size_of
from daemon.datasets.painting import Canvas, Outline, drawn
from daemon.datasets.samples import (
    BACKGROUND,
    MOST_CLASSES,
    NO_LABEL,
    Labels,
    LabelsUnusable,
    Repair,
    Sample,
    Source,
    Trust,
)
from daemon.datasets.source_tree import Tree
from daemon.datasets.split_names import named_split
from daemon.domain import Fault
from daemon.domain.errors import DatasetRefused
from daemon.domain.formatting import short_repr
from daemon.pixels.headers import MOST_PIXELS

LOOKED_FOR = 'COCO: a .json file with the lists "images", "annotations" and "categories"'
_KEYS = ("images", "annotations", "categories")


def recognize(tree: Tree, trust: Trust) -> Source | None:
    """The source, where files of the tree are COCO's; None where none is."""
    found: dict[str, dict[str, Any]] = {}
    faults: list[Fault] = []
    for name in tree.ending(".json"):
        if not any(f'"{key}"'.encode() in head(tree.path(name)) for key in _KEYS):
            continue
        try:
            content = read_json(tree.path(name), name)
        except LabelsUnusable as exc:
            faults.append(exc.fault)
            continue
        if isinstance(content, dict) and all(isinstance(content.get(key), list) for key in _KEYS):
            found[name] = content
    return _Reader(tree, trust, faults).source(found) if found else None


@dataclass
class _Reader:
    """What is gathered over the files. values: name of a class -> its value."""

    tree: Tree
    trust: Trust
    faults: list[Fault] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=lambda: {BACKGROUND: 0})
    samples: dict[str, Sample] = field(default_factory=dict)

    def source(self, files: Mapping[str, Mapping[str, Any]]) -> Source:
        for name, content in files.items():
            by_id = self._categories(content["categories"], name)
            objects = self._objects(content["annotations"], by_id, name)
            known = self._images(content["images"], name, objects)
            for unknown in [one for one in objects if one not in known]:
                self._fault(
                    f"{name}, {len(objects[unknown])} annotations",
                    f"image_id {short_repr(unknown)}",
                    'the id of one of "images"',
                )
        return Source(
            format="COCO",
            classes=tuple(self.values),
            samples=tuple(self.samples.values()),
            faults=tuple(self.faults),
        )

    def _categories(self, categories: Sequence[Any], name: str) -> dict[Any, int]:
        """Category id -> value; categories of one name are one class."""
        by_id: dict[Any, int] = {}
        for category in categories:
            if not isinstance(category, dict) or not isinstance(category.get("name"), str):
                where = f"{name}, category {short_repr(category, 60)}"
                self._fault(where, "no name", "an object with id and name")
                continue
            title = " ".join(category["name"].split())
            by_id[_key(category.get("id"))] = self.values.setdefault(title, len(self.values))
        if len(self.values) > MOST_CLASSES:
            raise DatasetRefused(
                f"{name}: got {len(self.values)} categories; expected at most {MOST_CLASSES}"
            )
        return by_id

    def _objects(
        self, annotations: Sequence[Any], by_id: Mapping[Any, int], name: str
    ) -> dict[Any, list[_Object]]:
        """Image id -> its objects; a broken one is a fault of its image."""
        found: dict[Any, list[_Object]] = defaultdict(list)
        for number, annotation in enumerate(annotations):
            if not isinstance(annotation, dict):
                self._fault(f"{name}, annotation {number}", short_repr(annotation), "an object")
                continue
            found[_key(annotation.get("image_id"))].append(
                _Object(
                    where=f"annotation {short_repr(annotation.get('id', number), 40)}",
                    value=by_id.get(_key(annotation.get("category_id"))),
                    category=short_repr(annotation.get("category_id"), 40),
                    outline=annotation.get("segmentation"),
                    box=annotation.get("bbox"),
                    is_crowd=bool(annotation.get("iscrowd")),
                    by_machine=annotation.get("score") is not None,
                )
            )
        return found

    def _images(
        self, images: Sequence[Any], name: str, objects: Mapping[Any, list[_Object]]
    ) -> set[Any]:
        known = set()
        splits = named_split(name)
        for number, image in enumerate(images):
            if not isinstance(image, dict) or not isinstance(image.get("file_name"), str):
                self._fault(
                    f"{name}, image {number}", short_repr(image), "an object with file_name"
                )
                continue
            key = _key(image.get("id"))
            if key in known:
                self._fault(f"{name}, image {number}", f"the id {key!r} twice", "one image an id")
                continue
            known.add(key)
            picture = self._picture(image["file_name"], name)
            if picture is None:
                self._fault(f"{name}, image {image['file_name']}", "no such picture", "one")
            elif picture in self.samples:
                self._fault(picture, "a second entry in COCO files", "one: the first was taken")
            else:
                listed = tuple(objects.get(key, ()))
                mask = _Mask(name=name, stated=image, objects=listed, trust=self.trust)
                labeled = mask.labels if objects else None
                self.samples[picture] = Sample(image=picture, labels=labeled, splits=splits)
        return known

    def _picture(self, named: str, name: str) -> str | None:
        """The picture beside the JSON file, else the one whose path ends best so."""
        folder = name.rpartition("/")[0]
        beside = f"{folder}/{named}" if folder else named
        return beside if beside in self.tree.kinds else self.tree.picture_like(named)

    def _fault(self, where: str, got: str, expected: str) -> None:
        self.faults.append(
            Fault(where=where, got=got, expected=expected, cure="correct the file, or add it")
        )


@dataclass(frozen=True, kw_only=True)
class _Object:
    """An annotation. value: of its class; None: an unknown category."""

    where: str
    value: int | None
    category: str
    outline: Any
    box: Any
    is_crowd: bool
    by_machine: bool


@dataclass(frozen=True, kw_only=True)
class _Mask:
    """All objects of an image. name: of the JSON file; stated: its entry for the image."""

    name: str
    stated: Mapping[str, Any]
    objects: tuple[_Object, ...]
    trust: Trust

    def labels(self, size: tuple[int, int]) -> Labels:
        """The mask in the stated size, else that of the image. Raises LabelsUnusable."""
        where = f"{self.name}, image {self.stated['file_name']}"
        if self.stated.get("height") is not None or self.stated.get("width") is not None:
            size = size_of(self.stated.get("height"), self.stated.get("width"), where, MOST_PIXELS)
        canvas = Canvas(size)
        marked = [one for one in self.objects if one.outline or one.box]
        canvas.note(Repair.NO_OUTLINE, len(self.objects) - len(marked))
        outlines = [_outline(one, f"{where}, {one.where}") for one in marked]
        return drawn(outlines, canvas, self.trust)


def _outline(one: _Object, where: str) -> Outline:
    """An annotation, ready to be drawn. Raises LabelsUnusable for an unknown category."""
    if one.value is None:
        raise LabelsUnusable(
            where, f"category_id {one.category}", 'the id of one of "categories"', "correct it"
        )

    def pixels(canvas: Canvas) -> Patch:
        try:
            if not one.outline:
                return coco_polygon.fill(box_corners(one.box), canvas.size)
            patch, holes = decode(one.outline, canvas.size)
        except ValueError as exc:
            raise LabelsUnusable(where, str(exc), "polygons or run lengths", "correct it") from exc
        canvas.note(Repair.HOLE, holes)
        return patch

    return Outline(
        value=NO_LABEL if one.is_crowd else one.value,
        pixels=pixels,
        is_box=not one.outline,
        by_machine=one.by_machine,
    )


def _key(value: object) -> Any:
    """An id, fit to be looked up; a value that is no id is found nowhere."""
    return value if isinstance(value, int | str) else repr(value)
