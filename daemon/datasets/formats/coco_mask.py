"""The mask of one image of COCO: its objects, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from connectors.masks.shapes import Patch
from daemon.datasets.annotated_images import guarded
from daemon.datasets.formats import coco_polygon
from daemon.datasets.formats.coco_outline import box_corners, decode
from daemon.datasets.formats.coco_panoptic import Segment, SegmentIds
from daemon.datasets.json_files import size_like
from daemon.datasets.painting import Canvas, Outline, drawn, whole
from daemon.datasets.samples import NO_LABEL, Labels, LabelsUnusable, Repair, Trust
from daemon.datasets.source_tree import Tree
from daemon.pixels.headers import MOST_PIXELS


@dataclass(frozen=True, kw_only=True)
class CocoObject:
    """An annotation. value: of its class; None: an unknown category. outline: its segmentation, or
    a segment of a panoptic PNG; box: its bbox, both as written."""

    where: str
    value: int | None
    category: str
    outline: Any
    box: Any
    is_crowd: bool
    by_machine: bool


@dataclass(frozen=True, kw_only=True)
class CocoMask:
    """All objects of an image. name: of the JSON file; stated: its entry for the image."""

    tree: Tree
    name: str
    stated: Mapping[str, Any]
    objects: tuple[CocoObject, ...]
    trust: Trust

    def labels(self, size: tuple[int, int]) -> Labels:
        """The mask in the stated size, else that of the image. Raises LabelsUnusable."""
        where = f"{self.name}, image {self.stated['file_name']}"
        if self.stated.get("height") is not None or self.stated.get("width") is not None:
            stated = self.stated.get("height"), self.stated.get("width")
            size = size_like(size, *stated, where, MOST_PIXELS)
        canvas = Canvas(size)
        marked = [one for one in self.objects if one.outline or one.box]
        canvas.note(Repair.NO_OUTLINE, len(self.objects) - len(marked))
        ids = SegmentIds(self.tree)
        for segment in [one.outline for one in marked if isinstance(one.outline, Segment)][:1]:
            void = ids.of(segment, where) == 0
            canvas.note(Repair.NO_CLASS_BY_CONVENTION, int(np.count_nonzero(void)))
            if void.shape == size and void.any():
                canvas.paint(whole(void), NO_LABEL)
        outlines = [_outline(one, f"{where}, {one.where}", ids) for one in marked]
        return drawn(outlines, canvas, self.trust)


def _outline(one: CocoObject, where: str, ids: SegmentIds) -> Outline:
    """An annotation, ready to be drawn. Raises LabelsUnusable for an unknown category."""
    if one.value is None:
        raise LabelsUnusable(
            where, f"category_id {one.category}", 'the id of one of "categories"', "correct it"
        )

    def pixels(canvas: Canvas) -> Patch:
        if isinstance(one.outline, Segment):
            return whole(ids.inside(one.outline, canvas.size, where))
        if not one.outline:
            return coco_polygon.fill(box_corners(one.box), canvas.size)
        patch, holes = decode(one.outline, canvas.size)
        canvas.note(Repair.HOLE, holes)
        return patch

    return Outline(
        value=NO_LABEL if one.is_crowd else one.value,
        pixels=guarded(where, "polygons, run lengths or a segment", pixels),
        is_box=not one.outline,
        by_machine=one.by_machine,
    )
