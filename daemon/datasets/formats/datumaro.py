"""Datumaro's own format: annotations/SUBSET.json with items and categories, and the images.

Its package is not needed. Polygons and boxes hold the pixels that pycocotools gives them, as in
Datumaro itself; masks are COCO's run lengths. The annotation with the higher z_order is on top, of
equal ones the later. One with a score, or source "auto", was drawn by a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.masks.shapes import Patch, ellipse
from daemon.datasets.annotated_images import AnnotatedImage, ShapeFiles, guarded
from daemon.datasets.formats import coco_outline, coco_polygon
from daemon.datasets.json_files import head, list_of, object_of, read_json
from daemon.datasets.painting import Canvas, Outline
from daemon.datasets.samples import (
    MOST_CLASSES,
    LabelsUnusable,
    Repair,
    Source,
    Trust,
)
from daemon.datasets.source_tree import Tree, stem_of
from daemon.domain.errors import DatasetRefused
from daemon.domain.formatting import short_repr

LOOKED_FOR = "Datumaro: annotations/SUBSET.json with items and categories, and its images"
_MARKS = (b'"items"', b'"categories"', b'"dm_format_version"')
_EXPECTED = "an annotation as Datumaro writes it"


def recognize(tree: Tree, trust: Trust) -> Source | None:
    """The source, where files of the tree are Datumaro's; None where none is."""
    reader = _Reader(tree)
    for name in tree.ending(".json"):
        if not any(mark in head(tree.path(name)) for mark in _MARKS):
            continue
        try:
            content = read_json(tree.path(name), name)
        except LabelsUnusable as exc:
            reader.faults.append(exc.fault)
            continue
        if (
            isinstance(content, dict)
            and isinstance(content.get("items"), list)
            and isinstance(content.get("categories"), dict)
        ):
            reader.read(name, content)
    return reader.source("Datumaro", trust) if reader.files else None


class _Reader(ShapeFiles):
    def __post_init__(self) -> None:
        super().__post_init__()
        self._stems = {stem_of(path): path for path in self.tree.pictures}

    def read(self, name: str, content: Mapping[str, Any]) -> None:
        """Take the labels and items of a file. Raises LabelsUnusable for broken categories."""
        self.files += 1
        labels = self._labels(content["categories"], name)
        subset = stem_of(name.rpartition("/")[2])
        for number, item in enumerate(content["items"]):
            where = f"{name}, item {short_repr(_get(item, 'id', number), 60)}"
            try:
                entry = object_of(item, where)
                annotations = list_of(entry.get("annotations", []), f"{where}, annotations")
            except LabelsUnusable as exc:
                self.faults.append(exc.fault)
                continue
            image = AnnotatedImage(
                where=where,
                stated=_stated(entry),
                objects=len(annotations),
                without_area=sum(_kind(one) not in AREAS for one in annotations),
                outlines=_outlines(annotations, labels, where),
                splits=(subset,),
            )
            named = _named(entry)
            self.entries.add(image, named, self._places(name, named, entry, subset))

    def _labels(self, categories: Mapping[str, Any], name: str) -> Sequence[int]:
        """The value of each label id. Raises LabelsUnusable."""
        where = f"{name}, categories"
        listed = list_of(object_of(categories.get("label", {}), where).get("labels", []), where)
        found = []
        for entry in listed:
            title = object_of(entry, where).get("name")
            if not isinstance(title, str) or not title.strip():
                raise LabelsUnusable(where, short_repr(entry), "labels with a name", "correct it")
            title = " ".join(title.split())
            found.append(self.values.setdefault(title, len(self.values)))
        if len(self.values) > MOST_CLASSES:
            raise DatasetRefused(
                f"{name}: got {len(self.values)} labels; expected at most {MOST_CLASSES}; leave "
                f"some out"
            )
        return found

    def _places(self, name: str, named: str, item: Mapping[str, Any], subset: str) -> Iterator[str]:
        """Where the picture of an item may lie, by the path that it states, else by its id."""
        root = name.rpartition("/")[0].rpartition("/")[0]
        for folder in (f"images/{subset}/", "images/", ""):
            start = f"{root}/{folder}" if root else folder
            yield f"{start}{named}"
            yield self._stems.get(f"{start}{item.get('id')}", "")


def _named(item: Mapping[str, Any]) -> str:
    """The path of its picture that an item states, else its id."""
    found = _media(item).get("path")
    return found if isinstance(found, str) and found else str(item.get("id", ""))


def _get(entry: object, name: str, default: object) -> object:
    return entry.get(name, default) if isinstance(entry, dict) else default


def _media(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry of the image: `image`, in some versions `media`."""
    found = item.get("image", item.get("media"))
    return found if isinstance(found, dict) else {}


def _stated(item: Mapping[str, Any]) -> tuple[object, object] | None:
    size = _media(item).get("size")
    if size is None:
        return None
    return (size[0], size[1]) if isinstance(size, list) and len(size) == 2 else (size, None)


def _outlines(
    annotations: Sequence[Any], labels: Sequence[int], where: str
) -> Callable[[Canvas], list[Outline]]:
    def outlines(canvas: Canvas) -> list[Outline]:
        entries = [
            object_of(one, f"{where}, annotation {number}")
            for number, one in enumerate(annotations)
        ]
        return list(_areas(sorted(entries, key=_z_order), labels, where, canvas))

    return outlines


def _kind(annotation: object) -> str | None:
    """The `type` of an annotation; None where it has none that is a text."""
    found = annotation.get("type") if isinstance(annotation, dict) else None
    return found if isinstance(found, str) else None


def _areas(
    ordered: Sequence[Mapping[str, Any]], labels: Sequence[int], where: str, canvas: Canvas
) -> Iterator[Outline]:
    """The annotations that hold an area. Raises LabelsUnusable for an unknown label."""
    for number, entry in enumerate(ordered):
        kind = entry.get("type")
        if not isinstance(kind, str) or kind not in AREAS:
            canvas.note(Repair.OTHER_GEOMETRY, detail=short_repr(kind, 40))
            continue
        at = f"{where}, {kind} {short_repr(entry.get('id', number), 40)}"
        label = entry.get("label_id")
        if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < len(labels):
            got = f"label_id {short_repr(label)}"
            raise LabelsUnusable(at, got, "the position of a label in categories", "correct it")
        yield Outline(
            value=labels[label],
            pixels=guarded(at, _EXPECTED, _decoding(AREAS[kind], entry)),
            is_box=kind == "bbox",
            by_machine=_is_by_machine(entry),
        )


def _decoding(decode: Decode, entry: Mapping[str, Any]) -> Callable[[Canvas], Patch]:
    return lambda canvas: decode(entry, canvas.size)


def _is_by_machine(entry: Mapping[str, Any]) -> bool:
    attributes = entry.get("attributes")
    marks = attributes if isinstance(attributes, dict) else {}
    return marks.get("score") is not None or str(marks.get("source")).lower() == "auto"


def _z_order(entry: Mapping[str, Any]) -> int:
    found = entry.get("z_order")
    return found if isinstance(found, int) else 0


def _mask(entry: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    return coco_outline.decode(entry.get("rle"), size)[0]


def _polygon(entry: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    return coco_polygon.fill(coco_outline.ring_of(entry.get("points")), size)


def _bbox(entry: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    return coco_polygon.fill(coco_outline.box_corners(entry.get("bbox")), size)


def _ellipse(entry: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    """points: left, top, right and bottom of it in pixels."""
    points = entry.get("points")
    if (
        not isinstance(points, list)
        or len(points) != 4
        or not all(map(coco_outline.is_coordinate, points))
    ):
        raise ValueError(f"the points {short_repr(points)}; expected left, top, right, bottom")
    left, top, right, bottom = points
    across, down = 100 / size[1], 100 / size[0]
    value = {
        "x": (left + right) / 2 * across,
        "y": (top + bottom) / 2 * down,
        "radiusX": abs(right - left) / 2 * across,
        "radiusY": abs(bottom - top) / 2 * down,
    }
    return ellipse(value, size)


Decode = Callable[[Mapping[str, Any], tuple[int, int]], Patch]
AREAS: Mapping[str, Decode] = {
    "mask": _mask,
    "polygon": _polygon,
    "bbox": _bbox,
    "ellipse": _ellipse,
}
