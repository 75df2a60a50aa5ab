"""CVAT for images 1.1: annotations.xml and the images, of one task, a job or a project.

A polygon or box holds the pixels that pycocotools gives it, as in CVAT's own exports of masks; an
ellipse those whose centres lie in it; a mask is run lengths along the rows of its box. The shape
with the higher z_order is on top, of equal ones the later. A shape with source="auto" was drawn by
a machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from connectors.masks import shapes
from connectors.masks.shapes import Patch
from daemon.datasets.annotated_images import AnnotatedImage, ShapeFiles, guarded
from daemon.datasets.formats import coco_polygon
from daemon.datasets.formats.coco_outline import MOST_COORDINATE, corners_of, ring_of
from daemon.datasets.formats.cvat_xml import CvatFile, CvatImage, CvatShape, read_cvat
from daemon.datasets.json_files import head, size_of
from daemon.datasets.painting import Canvas, Outline, pasted
from daemon.datasets.samples import (
    MOST_CLASSES,
    LabelsUnusable,
    Repair,
    Source,
    Trust,
)
from daemon.datasets.source_tree import Tree
from daemon.domain.errors import DatasetRefused
from daemon.domain.formatting import short_repr
from daemon.pixels import coco_rle
from daemon.pixels.headers import MOST_PIXELS

LOOKED_FOR = "CVAT for images 1.1: an .xml file with <annotations>, and its images"
MACHINE = ("auto",)  # values of `source`; a person draws with "semi-auto"
_EXPECTED = "a shape as CVAT for images 1.1 writes it"


def is_cvat(tree: Tree, name: str) -> bool:
    """Whether a file seems to be one of CVAT's."""
    return b"<annotations" in head(tree.path(name))


def recognize(tree: Tree, trust: Trust) -> Source | None:
    """The source, where files of the tree are CVAT's; None where none is.

    Raises DatasetRefused for the annotations of videos.
    """
    reader = _Reader(tree)
    for name in tree.ending(".xml"):
        if not is_cvat(tree, name):
            continue
        try:
            found = read_cvat(tree.path(name), name)
        except LabelsUnusable as exc:
            reader.faults.append(exc.fault)
            continue
        if found.tracks:
            raise DatasetRefused(
                f"{name}: got {found.tracks} tracks of a video; expected images; export the task "
                f"as CVAT for images 1.1"
            )
        reader.read(name, found)
    if len(reader.values) > MOST_CLASSES:
        raise DatasetRefused(
            f"CVAT: got {len(reader.values)} labels; expected at most {MOST_CLASSES}; export fewer "
            f"tasks"
        )
    return reader.source("CVAT for images", trust) if reader.files else None


class _Reader(ShapeFiles):
    def read(self, name: str, file: CvatFile) -> None:
        """Take the labels and images of a file. Without a list of labels those of its shapes."""
        self.files += 1
        used = (one.attributes.get("label", "") for image in file.images for one in image.shapes)
        for label in file.labels or sorted({_title(label) for label in used} - {""}):
            self.values.setdefault(label, len(self.values))
        for number, image in enumerate(file.images):
            named = image.attributes.get("name", "")
            subset = image.attributes.get("subset", "")
            entry = self._annotated(f"{name}, image {named or number}", image, subset)
            self.entries.add(entry, named, _places(name, named, subset))

    def _annotated(self, where: str, image: CvatImage, subset: str) -> AnnotatedImage:
        ordered = sorted(image.shapes, key=_z_order)
        height, width = (image.attributes.get(side) for side in ("height", "width"))
        return AnnotatedImage(
            where=where,
            stated=None if height is width is None else (_whole(height), _whole(width)),
            objects=len(image.shapes),
            without_area=sum(shape.kind not in AREAS for shape in image.shapes),
            outlines=lambda canvas: _outlines(ordered, self.values, where, canvas),
            splits=(subset,) if subset else (),
        )


def _places(name: str, named: str, subset: str) -> Iterator[str]:
    """Where the picture of an image may lie: below the folder of the file, in images or not."""
    folder = name.rpartition("/")[0]
    for parts in (("images", subset, named), ("images", named), (subset, named), (named,)):
        yield "/".join(part for part in (folder, *parts) if part)


def _outlines(
    ordered: Sequence[CvatShape], values: Mapping[str, int], where: str, canvas: Canvas
) -> Sequence[Outline]:
    """The shapes that hold an area. Raises LabelsUnusable for a label that nobody declared."""
    found = []
    for number, shape in enumerate(ordered):
        if shape.kind not in AREAS:
            canvas.note(Repair.OTHER_GEOMETRY, detail=short_repr(shape.kind, 40))
            continue
        at = f"{where}, {shape.kind} {number}"
        label = _title(shape.attributes.get("label", ""))
        if label not in values:
            raise LabelsUnusable(at, short_repr(label), "a label of the task", "add the label")
        decode = AREAS[shape.kind]
        found.append(
            Outline(
                value=values[label],
                pixels=guarded(at, _EXPECTED, _decoding(decode, shape.attributes)),
                is_box=shape.kind == "box",
                by_machine=shape.attributes.get("source", "").lower() in MACHINE,
            )
        )
    return found


def _decoding(decode: Decode, attributes: Mapping[str, str]) -> Callable[[Canvas], Patch]:
    return lambda canvas: decode(attributes, canvas.size)


def _polygon(attributes: Mapping[str, str], size: tuple[int, int]) -> Patch:
    """points: "x,y;x,y;..." in pixels."""
    text = attributes.get("points", "")
    flat = [_float(part) for point in text.split(";") for part in _two(point)]
    return coco_polygon.fill(ring_of(flat), size)


def _two(point: str) -> list[str]:
    parts = point.split(",")
    if len(parts) != 2:
        raise ValueError(f"the point {short_repr(point, 40)}; expected x,y")
    return parts


def _box(attributes: Mapping[str, str], size: tuple[int, int]) -> Patch:
    """xtl, ytl, xbr, ybr in pixels, turned around its centre by `rotation` degrees."""
    sides = [_number(attributes, side) for side in ("xtl", "ytl", "xbr", "ybr")]
    corners: Any = corners_of(*sides)
    if turn := math.radians(_number(attributes, "rotation", "0")):
        centre = corners.mean(axis=0)
        cos, sin = math.cos(turn), math.sin(turn)
        corners = (corners - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre
    return coco_polygon.fill(corners, size)


def _ellipse(attributes: Mapping[str, str], size: tuple[int, int]) -> Patch:
    """cx, cy, rx, ry in pixels, turned by `rotation` degrees."""
    height_px, width_px = size
    value = {
        "x": 100 * _number(attributes, "cx") / width_px,
        "y": 100 * _number(attributes, "cy") / height_px,
        "radiusX": 100 * _number(attributes, "rx") / width_px,
        "radiusY": 100 * _number(attributes, "ry") / height_px,
        "rotation": _number(attributes, "rotation", "0"),
    }
    return shapes.ellipse(value, size)


def _mask(attributes: Mapping[str, str], size: tuple[int, int]) -> Patch:
    """rle: "3, 5, 7", runs along the rows of the box, the first one outside."""
    text = attributes.get("rle", "")
    if len(text) > coco_rle.MOST_CHARS:
        raise ValueError(f"a text of {len(text)} characters; at most {coco_rle.MOST_CHARS}")
    width, height = (_whole(attributes.get(side)) for side in ("width", "height"))
    height_px, width_px = size_of(height, width, "the box of a mask", MOST_PIXELS)
    if height_px > size[0] or width_px > size[1]:
        raise ValueError(f"a mask of {width_px}x{height_px} in an image of {size[1]}x{size[0]}")
    runs = [_whole(run) for run in text.split(",")]
    inside = coco_rle.decode(runs, (width_px, height_px)).T
    left, top = (int(_number(attributes, side)) for side in ("left", "top"))
    return pasted(inside, top, left, size)


Decode = Callable[[Mapping[str, str], tuple[int, int]], Patch]
AREAS: Mapping[str, Decode] = {
    "polygon": _polygon,
    "box": _box,
    "ellipse": _ellipse,
    "mask": _mask,
}


def _z_order(shape: CvatShape) -> int:
    found = _whole(shape.attributes.get("z_order", "0"))
    return found if isinstance(found, int) else 0


def _title(label: str) -> str:
    return " ".join(label.split())


def _whole(text: str | None) -> int | str | None:
    """A text as a whole number; another text, cut, as it is: it is refused where it is used."""
    try:
        return int((text or "")[:20])
    except ValueError:
        return text and text[:40]


def _number(attributes: Mapping[str, str], name: str, default: str = "") -> float:
    found = _float(attributes.get(name, default))
    if abs(found) <= MOST_COORDINATE:  # NaN neither
        return found
    raise ValueError(f"{name}={found}; expected at most {MOST_COORDINATE:.0f}")


def _float(text: str) -> float:
    try:
        return float(text[:40])
    except ValueError:
        raise ValueError(f"{short_repr(text, 40)}; expected a number") from None
