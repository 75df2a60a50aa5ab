"""Masks as Label Studio's BitmaskLabels regions, and back.

A region is one class: a PNG of the whole image whose alpha is the mask, inside a data URL.
Written PNGs are 1-bit palettes with transparency: 4 to 18 KB for a field image of 1.25
megapixels. Read PNGs come from a browser's canvas: RGBA, with a soft edge along each brush
stroke, so a pixel belongs to the region when its alpha is above 127.

**Overlap rule.** Regions are painted in the order of the result; where two overlap, the later
one wins, as on the annotator's screen. Pixels without a region are background. Several regions
of one class are their union.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from daemon.domain import IGNORE, ClassSet, Fault, Mask
from daemon.errors import MaskRefused

TYPE = "bitmasklabels"
URL_START = "data:image/png;base64,"
MAX_REGIONS = 10_000
MAX_URL_CHARS = 64 * 2**20
ALPHA_ABOVE = 127
# Answers about the image as a whole, and clicks for a model: they hold no pixels.
NO_PIXELS = frozenset(
    {
        "choices",
        "datetime",
        "keypointlabels",
        "number",
        "rating",
        "relation",
        "taxonomy",
        "textarea",
    }
)


class RegionRefused(MaskRefused):
    """A mask that cannot be used, with the parts of its message."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True, kw_only=True)
class Control:
    """The names of the mask tag (`from_name`) and of the image tag (`to_name`) in a config."""

    from_name: str
    to_name: str


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A mask, and what is known about how it came to be.

    regions: id -> origin ("manual", "prediction", "prediction-changed"). overlap_px: pixels
    that two regions of different classes claimed; the later one has them.
    """

    mask: Mask
    regions: Mapping[str, str]
    overlap_px: int


def encode(
    mask: Mask, classes: ClassSet, control: Control, confidence: Mapping[str, float]
) -> list[dict[str, Any]]:
    """One region for each class of the mask but background, in the order of the classes.

    confidence: class name -> [0, 1], shown beside the region. Raises MaskRefused for a pixel
    value that is no class.
    """
    values = [int(value) for value in np.unique(mask)]
    names = {value: _name(value, classes) for value in values if value != 0}
    height_px, width_px = mask.shape
    return [
        {
            "id": uuid.uuid4().hex,
            "type": TYPE,
            "from_name": control.from_name,
            "to_name": control.to_name,
            "original_width": width_px,
            "original_height": height_px,
            "image_rotation": 0,
            **({"score": round(float(confidence[name]), 4)} if name in confidence else {}),
            "value": {"imageDataURL": _data_url(mask == value), TYPE: [name]},
        }
        for value, name in names.items()
    ]


def decode(
    result: object, classes: ClassSet, control: Control, size: tuple[int, int], where: str
) -> Decoded:
    """The mask of an annotation's `result`; an empty one is all background.

    size: (height_px, width_px) of the image. Raises MaskRefused, naming `where`, for anything
    that is not a clean set of regions of known classes in this size.
    """
    if not isinstance(result, list) or len(result) > MAX_REGIONS:
        raise _refused(where, f"a result of {_kind(result)}", f"a list of <= {MAX_REGIONS} regions")
    mask = np.zeros(size, np.uint8)
    regions: dict[str, str] = {}
    overlap_px = 0
    for index, region in enumerate(result):
        place = f"{where}, region {index}"
        if not isinstance(region, dict):
            raise _refused(place, _kind(region), "an object")
        kind = region.get("type")
        if isinstance(kind, str) and kind in NO_PIXELS:
            continue
        value = _value(region, classes, control, place)
        inside = _inside(region, size, place)
        overlap_px += int(np.count_nonzero(inside & (mask != 0) & (mask != value)))
        mask[inside] = value
        regions[str(region.get("id", index))] = str(region.get("origin", "manual"))
    return Decoded(mask=mask, regions=regions, overlap_px=overlap_px)


def _name(value: int, classes: ClassSet) -> str:
    if value == IGNORE and classes.ignore_label:
        return classes.ignore_label
    if value >= len(classes):
        raise _refused("mask", f"pixel value {value}", f"0 to {len(classes) - 1}")
    return classes.names[value]


def _data_url(inside: npt.NDArray[np.bool_]) -> str:
    picture = Image.fromarray(inside.astype(np.uint8)).convert("P")
    picture.putpalette([0, 0, 0, 0, 0, 0])
    stream = io.BytesIO()
    picture.save(stream, "PNG", bits=1, transparency=b"\x00\xff")
    return URL_START + base64.b64encode(stream.getvalue()).decode("ascii")


def _value(region: dict[str, Any], classes: ClassSet, control: Control, where: str) -> int:
    """The pixel value of a region's one label."""
    kind, name = region.get("type"), region.get("from_name")
    if kind != TYPE or name != control.from_name:
        raise _refused(
            where,
            f"a {_short(kind)} region of the tag {_short(name)}",
            f"{TYPE} of the tag {control.from_name!r}",
            "only BitmaskLabels masks are read: draw it again with that tag",
        )
    value = region.get("value")
    labels = value.get(TYPE) if isinstance(value, dict) else None
    if not isinstance(labels, list) or len(labels) != 1 or not isinstance(labels[0], str):
        raise _refused(where, f"labels {_short(labels)}", "exactly one label", "set one label")
    index = classes.index(labels[0])
    if index is None:
        raise _refused(
            where,
            f"the label {_short(labels[0])}",
            f"one of {', '.join(classes.names[1:])}",
            "add the class to config.toml, or change the label of this region",
        )
    return index


def _inside(region: dict[str, Any], size: tuple[int, int], where: str) -> npt.NDArray[np.bool_]:
    """The pixels of a region, (H, W) bool."""
    height_px, width_px = size
    stated = (region.get("original_height"), region.get("original_width"))
    if stated != size:
        raise _refused(
            where,
            f"a mask for {_short(stated[1])}x{_short(stated[0])} pixels",
            f"{width_px}x{height_px}, as the image",
            "the image of this task was replaced, or it is another image: label it again",
        )
    if region.get("image_rotation", 0) not in (0, None):
        raise _refused(
            where, "a rotated image", "an upright one", "rotate it back and label it again"
        )
    content = _png(region, where)
    width, height = struct.unpack(">II", content[16:24])
    if (height, width) != size:
        raise _refused(where, f"a PNG of {width}x{height}", f"{width_px}x{height_px}")
    return _alpha(content, where) > ALPHA_ABOVE


def _png(region: dict[str, Any], where: str) -> bytes:
    """The bytes behind the data URL: at least a PNG signature and a header."""
    value = region["value"]  # `_value` saw that it is an object
    url = value.get("imageDataURL")
    if not isinstance(url, str) or not url.startswith(URL_START) or len(url) > MAX_URL_CHARS:
        raise _refused(where, _kind(url), f"imageDataURL: {URL_START}... of <= {MAX_URL_CHARS}")
    try:
        content = base64.b64decode(url[len(URL_START) :], validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _refused(where, f"broken base64: {exc}", "a PNG") from exc
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR" or len(content) < 33:
        raise _refused(where, f"bytes that start with {content[:8].hex(' ') or 'nothing'}", "a PNG")
    return content


def _alpha(content: bytes, where: str) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.load()
            mode, sees_through = picture.mode, picture.has_transparency_data
            alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    except Exception as exc:  # Pillow raises many kinds for damaged files
        raise _refused(where, f"a broken PNG: {exc}", "a whole PNG") from exc
    if not sees_through:
        raise _refused(where, f"a PNG of mode {mode}", "one whose transparency is the mask")
    return alpha


def _refused(where: str, got: str, expected: str, cure: str = "label it again") -> RegionRefused:
    return RegionRefused(Fault(where=where, got=got, expected=expected, cure=cure))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind(value: object) -> str:
    return f"{type(value).__name__} {_short(value)}"
