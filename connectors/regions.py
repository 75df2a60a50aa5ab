"""Masks as regions of Label Studio, and back.

A region is one class, drawn with one tag: a PNG (`bitmask.py`), a run-length code
(`brush_rle.py`), or a shape (`shapes.py`). The first two hold any mask exactly and are written;
all are read. A browser's brush has a soft edge, so a pixel belongs to a region when its alpha
is above 127.

**Overlap rule.** Regions are painted in the order of the result; where two overlap, the later
one wins, as on the annotator's screen. Several regions of one class are their union. A pixel
without a region is `ClassSet.unlabeled`.

**Turned images.** A camera's rotation (EXIF) is applied by the browser before anybody draws,
and by our cache, so both mean the upright image. Label Studio's rotate button turns the view
only: what is drawn then is stored in the unturned image, and `image_rotation` changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from connectors import bitmask, brush_rle, shapes
from connectors.refusals import Unreadable, kind, shown
from connectors.shapes import Patch
from daemon.domain import IGNORE, ClassSet, Mask

TYPE = "bitmasklabels"
BRUSH = "brushlabels"
SHAPES: Mapping[str, Callable[[Mapping[str, Any], tuple[int, int]], Patch]] = {
    "polygonlabels": shapes.polygon,
    "rectanglelabels": shapes.rectangle,
    "ellipselabels": shapes.ellipse,
}
MAX_REGIONS = 10_000
ALPHA_ABOVE = 127
CLICK = "keypointlabels"
# Answers about the image as a whole, and clicks for a model: they hold no pixels.
NO_PIXELS = frozenset(
    {CLICK, "choices", "datetime", "number", "rating", "relation", "taxonomy", "textarea"}
)


@dataclass(frozen=True, kw_only=True)
class Control:
    """A mask tag (`from_name`) on an image tag (`to_name`) in a label config.

    type: of its regions. others: further tags on the same image, which are read, never written.
    """

    from_name: str
    to_name: str
    type: str = TYPE
    others: tuple[Control, ...] = ()

    @property
    def types(self) -> Mapping[str, str]:
        """from_name -> type of every tag whose regions are read."""
        return {tag.from_name: tag.type for tag in (self, *self.others)}


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A mask, and what is known about how it came to be.

    regions: id -> origin ("manual", "prediction", "prediction-changed"). overlap_px: pixels
    that two regions of different classes claimed; the later one has them. cut: regions that
    leave the image. blank: regions without a pixel. clicks: on a model, that became no region.
    """

    mask: Mask
    regions: Mapping[str, str]
    overlap_px: int = 0
    cut: int = 0
    blank: int = 0
    clicks: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """In words, what was made of an annotation beyond reading it; empty when nothing."""
        said = {
            "pixels were drawn by two classes: the later region has them": self.overlap_px,
            "regions leave the image: what lies outside was cut off": self.cut,
            "regions hold no pixel": self.blank,
            "clicks became no region": self.clicks,
        }
        return tuple(f"{count} {words}" for words, count in said.items() if count)


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
            "value": {**_drawn(mask == value, control.type), control.type: [name]},
        }
        for value, name in names.items()
    ]


def decode(
    result: object, classes: ClassSet, control: Control, size: tuple[int, int], where: str
) -> Decoded:
    """The mask of an annotation's `result`; an empty one is all `classes.unlabeled`.

    size: (height_px, width_px) of the upright image. Raises RegionRefused, naming `where`, for
    anything that is not a clean set of regions of known classes in this size.
    """
    if not isinstance(result, list) or len(result) > MAX_REGIONS:
        raise Unreadable(f"a result of {kind(result)}", f"a list of <= {MAX_REGIONS} regions").at(
            where
        )
    canvas = _Canvas(mask=np.full(size, classes.unlabeled, np.uint8))
    clicks = 0
    for index, region in enumerate(result):
        try:
            if _holds_no_pixels(region):
                clicks += region["type"] == CLICK
                continue
            value = _value(region, classes, control)
            canvas.paint(_patch(region, size), value)
        except Unreadable as exc:
            raise exc.at(f"{where}, region {index}") from exc
        canvas.regions[str(region.get("id", index))] = str(region.get("origin", "manual"))
    if clicks and not canvas.regions:
        raise Unreadable(
            f"{clicks} clicks and no region", "regions", "accept what the model suggests, or draw"
        ).at(where)
    return Decoded(
        mask=canvas.mask,
        regions=canvas.regions,
        overlap_px=canvas.overlap_px,
        cut=canvas.cut,
        blank=canvas.blank,
        clicks=clicks,
    )


@dataclass(kw_only=True)
class _Canvas:
    """A mask while its regions are painted."""

    mask: Mask
    regions: dict[str, str] = field(default_factory=dict)
    overlap_px: int = 0
    cut: int = 0
    blank: int = 0

    def __post_init__(self) -> None:
        self._drawn = np.zeros(self.mask.shape, np.bool_)

    def paint(self, patch: Patch, value: int) -> None:
        height_px, width_px = patch.inside.shape
        rows = slice(patch.top, patch.top + height_px)
        columns = slice(patch.left, patch.left + width_px)
        under, drawn = self.mask[rows, columns], self._drawn[rows, columns]
        self.overlap_px += int(np.count_nonzero(patch.inside & drawn & (under != value)))
        self.cut += patch.beyond
        self.blank += not patch.inside.any()
        under[patch.inside] = value
        drawn |= patch.inside


def _name(value: int, classes: ClassSet) -> str:
    if value == IGNORE and classes.ignore_label:
        return classes.ignore_label
    if value >= len(classes):
        raise Unreadable(f"pixel value {value}", f"0 to {len(classes) - 1}").at("mask")
    return classes.names[value]


def _drawn(inside: npt.NDArray[np.bool_], tag_type: str) -> dict[str, Any]:
    if tag_type == BRUSH:
        return {"format": "rle", "rle": brush_rle.encode(inside.astype(np.uint8) * 255)}
    return {"imageDataURL": bitmask.encode(inside)}


def _holds_no_pixels(region: object) -> bool:
    if not isinstance(region, dict):
        raise Unreadable(kind(region), "an object")
    tag_type = region.get("type")
    return isinstance(tag_type, str) and tag_type in NO_PIXELS


def _value(region: Mapping[str, Any], classes: ClassSet, control: Control) -> int:
    """The pixel value of a region's one label."""
    tag_type, name = region.get("type"), region.get("from_name")
    readable = control.types
    if not isinstance(name, str) or name not in readable or tag_type != readable[name]:
        raise Unreadable(
            f"a {shown(tag_type)} region of the tag {shown(name)}",
            " or ".join(f"{each} of the tag {tag!r}" for tag, each in readable.items()),
            "draw it again with a mask tag of this project",
        )
    value = region.get("value")
    labels = value.get(tag_type) if isinstance(value, dict) else None
    if not isinstance(labels, list) or len(labels) != 1 or not isinstance(labels[0], str):
        raise Unreadable(f"labels {shown(labels)}", "exactly one label", "set one label")
    index = classes.index(labels[0])
    if index is None:
        raise Unreadable(
            f"the label {shown(labels[0])}",
            f"one of {', '.join(classes.drawn)}",
            "add the class to config.toml, or change the label of this region",
        )
    return index


def _patch(region: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    """The pixels of a region; `_value` saw that its value is an object."""
    _check_image(region, size)
    value = region["value"]
    if region["type"] in SHAPES:
        return SHAPES[region["type"]](value, size)
    if region["type"] == BRUSH:
        alpha = brush_rle.decode(value.get("rle"), *size)
    else:
        alpha = bitmask.decode(value.get("imageDataURL"), *size)
    if alpha.max() == 1:
        raise Unreadable("a mask of 0 and 1, which nobody can see", "one of 0 and 255")
    return Patch(top=0, left=0, inside=alpha > ALPHA_ABOVE, beyond=False)


def _check_image(region: Mapping[str, Any], size: tuple[int, int]) -> None:
    height_px, width_px = size
    stated = (region.get("original_height"), region.get("original_width"))
    if stated != size:
        raise Unreadable(
            f"a mask for {shown(stated[1])}x{shown(stated[0])} pixels",
            f"{width_px}x{height_px}, as the image",
            "the image of this task was replaced, or it is another image: label it again",
        )
    if region.get("image_rotation", 0) not in (0, 90, 180, 270, None):
        turn = shown(region["image_rotation"])
        raise Unreadable(f"an image turned by {turn}", "a quarter turn", "turn it back")
    if region.get("item_index") not in (0, None):
        raise Unreadable("a region on another image of the task", "tasks of one image each")
