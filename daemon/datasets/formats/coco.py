"""COCO: one JSON file with images, annotations and categories; also several, a split each.

An object is polygons in pixels, or run lengths. A ring inside another ring of its object is a
hole (pycocotools fills it: COCO itself has none); a ring holds the pixels that it has there. The
later annotation of a list wins. A crowd region gives its pixels no label. An object without
segmentation is its box; one with a score was drawn by a machine. Of several files that list an
image, the first that has masks counts: captions and lists of images have none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.datasets.formats.coco_mask import CocoMask, CocoObject
from daemon.datasets.formats.coco_panoptic import Segment, panoptic_file
from daemon.datasets.json_files import head, read_json
from daemon.datasets.samples import (
    BACKGROUND,
    MOST_CLASSES,
    LabelsUnusable,
    Sample,
    Source,
    Trust,
)
from daemon.datasets.source_tree import Tree
from daemon.datasets.split_names import named_split
from daemon.domain import Fault
from daemon.domain.errors import DatasetRefused
from daemon.domain.formatting import short_repr

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
        for name, content in sorted(files.items(), key=lambda one: not _has_masks(one[1])):
            by_id = self._categories(content["categories"], name)
            objects = self._objects(content["annotations"], by_id, name)
            listed = {} if not _has_masks(content) else objects
            known = self._images(content["images"], name, listed)
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
    ) -> dict[Any, list[CocoObject]]:
        """Image id -> its objects; a broken one is a fault of its image."""
        found: dict[Any, list[CocoObject]] = defaultdict(list)
        for number, annotation in enumerate(annotations):
            if not isinstance(annotation, dict):
                self._fault(f"{name}, annotation {number}", short_repr(annotation), "an object")
                continue
            objects = found[_key(annotation.get("image_id"))]
            for entry, outline in self._outlines(annotation, name):
                objects.append(
                    CocoObject(
                        where=f"annotation {short_repr(entry.get('id', number), 40)}",
                        value=by_id.get(_key(entry.get("category_id"))),
                        category=short_repr(entry.get("category_id"), 40),
                        outline=outline,
                        box=entry.get("bbox"),
                        is_crowd=bool(entry.get("iscrowd")),
                        by_machine=entry.get("score") is not None,
                    )
                )
        return found

    def _outlines(
        self, annotation: Mapping[str, Any], name: str
    ) -> Iterator[tuple[Mapping[str, Any], Any]]:
        """The objects of an annotation with their outlines: itself, or its panoptic segments."""
        segments = annotation.get("segments_info")
        if not isinstance(segments, list):
            yield annotation, annotation.get("segmentation")
            return
        file = panoptic_file(self.tree, name, annotation.get("file_name"))
        for segment in segments:
            entry = segment if isinstance(segment, dict) else {}
            yield entry, Segment(file=file, id=entry.get("id"))

    def _images(
        self, images: Sequence[Any], name: str, objects: Mapping[Any, list[CocoObject]]
    ) -> set[Any]:
        known, again = set(), list[str]()
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
                again.append(picture)
            else:
                listed = tuple(objects.get(key, ()))
                mask = CocoMask(
                    tree=self.tree, name=name, stated=image, objects=listed, trust=self.trust
                )
                labeled = mask.labels if objects else None
                self.samples[picture] = Sample(image=picture, labels=labeled, splits=splits)
        if again and objects:  # a file without masks may list the same images
            got = f"{len(again)} images that an earlier entry has, first {again[0]}"
            self._fault(name, got, "each image once: the first entry was taken")
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


def _key(value: object) -> Any:
    """An id, fit to be looked up; a value that is no id is found nowhere."""
    return value if isinstance(value, int | str) else repr(value)


def _has_masks(content: Mapping[str, Any]) -> bool:
    """Whether any annotation of a file marks pixels: not so in captions and lists of images."""
    return any(
        isinstance(one, dict)
        and bool(one.get("segmentation") or one.get("bbox") or one.get("segments_info"))
        for one in content["annotations"]
    )
