"""Masks as regions of Label Studio, and back.

A region is one class, drawn with one tag: a PNG (`bitmask.py`), a run-length code
(`brush_rle.py`), or a shape (`shapes.py`). The first two hold any mask exactly and are written;
all are read. A browser's brush has a soft edge, so a pixel belongs to a region when its alpha
is above 127.

**Overlap rule.** Label Studio paints three layers: brush strokes, then shapes, then bitmasks; so
where two regions overlap, the one of the higher layer wins, whichever was drawn first. Within a
layer the later one of the result wins: it is the one that the annotator drew, and saw, on top of
the other (a region is on top while it is selected; what the page shows when nothing is selected
depends on the browser: Label Studio sorts with a comparison that never says "equal"). Several
regions of one class are their union. A pixel without a region is
`ClassSet.unlabeled`. Hidden, locked and nested regions count like any other: Label Studio keeps
neither the first nor the second, and the third moves no pixel.

**Left out or refused.** A region with pixels of a class that cannot be read makes the mask
incomplete: the annotation is refused. Entries without pixels (points, open lines, a shape without
area, an empty stroke) or on other objects are left out and noted, unless nothing else was drawn:
then nobody knows what the mask should be.

**Turned images.** A camera's rotation (EXIF) is applied by the browser before anybody draws,
and by our cache, so both mean the upright image. Label Studio's rotate button turns the view
only: what is drawn then is stored in the unturned image, and `image_rotation` changes nothing.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from connectors.masks import bitmask, brush_rle
from connectors.masks.region_kinds import RegionKind, kind_of
from connectors.masks.region_pixels import BITMASK, BRUSH, SHAPES, region_class, region_pixels
from connectors.masks.shapes import Patch
from connectors.unreadable import UnreadableValue, typed
from daemon.domain import IGNORE, ClassSet, Mask

__all__ = ["BITMASK", "BRUSH", "SHAPES", "Control", "DecodedMask", "decode", "encode"]

MAX_REGIONS = 10_000
MAX_PIXELS = 20 * 10**9  # decoded for one annotation: 1600 whole masks of 12 megapixels
_LAYERS = {BRUSH: 0, **dict.fromkeys(SHAPES, 1), BITMASK: 2}
_LEFT_OUT = (RegionKind.POINT, RegionKind.LINE, RegionKind.ELSEWHERE)


@dataclass(frozen=True, kw_only=True)
class Control:
    """A mask tag (`from_name`) on an image tag (`to_name`) in a label config.

    type: of its regions. others: further mask tags on the same image, which are read, never
    written. other_objects: names of the other objects of a task; regions on them are left out.
    """

    from_name: str
    to_name: str
    type: str = BITMASK
    others: tuple[Control, ...] = ()
    other_objects: frozenset[str] = frozenset()

    @property
    def types(self) -> Mapping[str, str]:
        """from_name -> type of every tag whose regions are read."""
        return {tag.from_name: tag.type for tag in (self, *self.others)}


@dataclass(frozen=True, kw_only=True)
class DecodedMask:
    """A decoded mask, and the decisions that were made on the way.

    regions: id -> origin ("manual", "prediction", "prediction-changed"). overlap_px: pixels
    of two regions of different classes; they have the class of the upper one. clipped: number of
    regions that leave the image. empty: of regions without a pixel. left_out: kind -> number of
    regions without pixels on our image. duplicate_ids: of regions whose id an earlier one has.
    """

    mask: Mask
    regions: Mapping[str, str]
    overlap_px: int = 0
    clipped: int = 0
    empty: int = 0
    left_out: Mapping[RegionKind, int] = field(default_factory=dict)
    duplicate_ids: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Each decision that was made while the annotation was read, in words."""
        counts = {
            "pixels were drawn by two classes: the region on top has them": self.overlap_px,
            "regions leave the image: what lies outside was cut off": self.clipped,
            "regions hold no pixel": self.empty,
            "regions share their id with another, and Label Studio shows one": self.duplicate_ids,
            **{f"{kind.value} {kind.outcome}": count for kind, count in self.left_out.items()},
        }
        return tuple(f"{count} {words}" for words, count in counts.items() if count)


def encode(
    mask: Mask, classes: ClassSet, control: Control, confidence: Mapping[str, float]
) -> list[dict[str, Any]]:
    """One region for each class of the mask that is drawn, in the order of the classes.

    confidence: class name -> [0, 1], shown beside the region. No region at all when the tag
    draws shapes. Raises MaskRefused for a pixel value that is no class.
    """
    counts = Image.fromarray(mask).histogram()  # half the time of a bincount, which takes int64
    values = [value for value, count in enumerate(counts) if count]
    names = {value: _name(value, classes) for value in values if value != classes.unlabeled}
    if control.type in SHAPES:
        return []
    height_px, width_px = mask.shape
    return [
        {
            "id": uuid.uuid4().hex[:10],  # as long as Label Studio's own
            "type": control.type,
            "from_name": control.from_name,
            "to_name": control.to_name,
            "original_width": width_px,
            "original_height": height_px,
            "image_rotation": 0,
            **({"score": round(float(confidence[name]), 4)} if name in confidence else {}),
            "value": {**_region_value(mask == value, control.type), control.type: [name]},
        }
        for value, name in names.items()
    ]


def decode(
    result: object, classes: ClassSet, control: Control, size: tuple[int, int], where: str
) -> DecodedMask:
    """The mask of an annotation's `result`; an empty one is all `classes.unlabeled`.

    size: (height_px, width_px) of the upright image. Raises AnnotationRefused, naming `where`, for
    anything that is not a clean set of regions of known classes in this size.
    """
    if not isinstance(result, list) or len(result) > MAX_REGIONS:
        raise UnreadableValue(
            f"a result of {typed(result)}", f"a list of <= {MAX_REGIONS} regions"
        ).at(where)
    canvas = _Canvas(mask=np.full(size, classes.unlabeled, np.uint8))
    left_out: Counter[RegionKind] = Counter()
    readable = control.types
    drawn: list[tuple[int, Mapping[str, Any]]] = []
    for index, entry in enumerate(result):
        with _at_position(where, index):
            found, region = kind_of(entry, readable, control.other_objects)
            if found is RegionKind.PIXELS:
                drawn.append((index, region))
            elif found is not RegionKind.ANSWER:
                left_out[found] += 1
    if left_out and not drawn:
        raise _nothing_region_value(left_out).at(where)
    _check_work(drawn, size, where)
    for index, region in sorted(drawn, key=_layer):
        with _at_position(where, index):
            value = region_class(region, classes, readable)
            canvas.paint(region_pixels(region, size), value)
            canvas.note(str(region.get("id", index)), str(region.get("origin", "manual")))
    return DecodedMask(
        mask=canvas.mask,
        regions=canvas.regions,
        overlap_px=canvas.overlap_px,
        clipped=canvas.clipped,
        empty=canvas.empty,
        left_out={kind: left_out[kind] for kind in _LEFT_OUT if left_out[kind]},
        duplicate_ids=canvas.duplicate_ids,
    )


@contextmanager
def _at_position(where: str, index: int) -> Iterator[None]:
    """Add the position of a region to whatever cannot be read in it."""
    try:
        yield
    except UnreadableValue as exc:
        raise exc.at(where, f"region {index}") from exc


def _layer(drawn: tuple[int, Mapping[str, Any]]) -> int:
    """Which layer a region is painted in; sorting by it keeps the order within a layer."""
    return _LAYERS.get(str(drawn[1].get("type")), 0)


def _nothing_region_value(left_out: Mapping[RegionKind, int]) -> UnreadableValue:
    counted = ", ".join(f"{left_out[kind]} {kind.value}" for kind in _LEFT_OUT if left_out[kind])
    return UnreadableValue(
        f"{counted} and no region",
        "regions",
        "accept what the model suggests, or draw on the image",
    )


def _check_work(
    drawn: Sequence[tuple[int, Mapping[str, Any]]], size: tuple[int, int], where: str
) -> None:
    """That reading it ends: an empty mask of any size is a few bytes."""
    full_masks = sum(str(region.get("type")) not in SHAPES for _, region in drawn)
    if full_masks * size[0] * size[1] > MAX_PIXELS:
        raise UnreadableValue(
            f"{full_masks} masks of {size[1]}x{size[0]}", f"at most {MAX_PIXELS} pixels in all"
        ).at(where)


@dataclass(kw_only=True)
class _Canvas:
    """A mask while its regions are painted."""

    mask: Mask
    regions: dict[str, str] = field(default_factory=dict)
    overlap_px: int = 0
    clipped: int = 0
    empty: int = 0
    duplicate_ids: int = 0

    def __post_init__(self) -> None:
        self._drawn = np.zeros(self.mask.shape, np.bool_)

    def paint(self, patch: Patch, value: int) -> None:
        height_px, width_px = patch.inside.shape
        rows = slice(patch.top, patch.top + height_px)
        columns = slice(patch.left, patch.left + width_px)
        under, drawn = self.mask[rows, columns], self._drawn[rows, columns]
        self.overlap_px += int(np.count_nonzero(patch.inside & drawn & (under != value)))
        self.clipped += patch.is_clipped
        self.empty += not patch.inside.any()
        under[patch.inside] = value
        drawn |= patch.inside

    def note(self, name: str, origin: str) -> None:
        """Remember a region that was painted."""
        self.duplicate_ids += name in self.regions
        self.regions[name] = origin


def _name(value: int, classes: ClassSet) -> str:
    if value == IGNORE and classes.ignore_label:
        return classes.ignore_label
    if value >= len(classes):
        raise UnreadableValue(f"pixel value {value}", f"0 to {len(classes) - 1}").at("mask")
    return classes.names[value]


def _region_value(inside: npt.NDArray[np.bool_], tag_type: str) -> dict[str, Any]:
    if tag_type == BRUSH:
        return {"format": "rle", "rle": brush_rle.encode(inside.astype(np.uint8) * 255)}
    return {"imageDataURL": bitmask.encode(inside)}
