"""The class and the pixels of one region of a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from connectors.masks import bitmask, brush_rle, shapes
from connectors.masks.shapes import Patch
from connectors.unreadable import UnreadableValue, short
from daemon.domain import ClassSet

BITMASK = "bitmasklabels"
BRUSH = "brushlabels"
SHAPES: Mapping[str, Callable[[Mapping[str, Any], tuple[int, int]], Patch]] = {
    "polygonlabels": shapes.polygon,
    "rectanglelabels": shapes.rectangle,
    "ellipselabels": shapes.ellipse,
}
ALPHA_ABOVE = 127


def region_class(region: Mapping[str, Any], classes: ClassSet, tag_types: Mapping[str, str]) -> int:
    """The pixel value of a region's label. tag_types: name of a mask tag -> type of its regions.

    Raises UnreadableValue.
    """
    tag_type, name = region.get("type"), region.get("from_name")
    if not isinstance(name, str) or name not in tag_types or tag_type != tag_types[name]:
        raise UnreadableValue(
            f"a {short(tag_type)} region of the tag {short(name)}",
            " or ".join(f"{each} of the tag {tag!r}" for tag, each in tag_types.items()),
            "draw it again with a mask tag of this project",
        )
    value = region.get("value")
    labels = value.get(tag_type) if isinstance(value, dict) else None
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        raise UnreadableValue(f"labels {short(labels)}", "exactly one label", "set one label")
    if len(set(labels)) != 1:
        raise UnreadableValue(f"labels {short(labels)}", "exactly one label", "set one label")
    index = classes.index(labels[0])
    if index is None:
        raise UnreadableValue(
            f"the label {short(labels[0])}",
            f"one of {', '.join(classes.drawn)}{_spelling_hint(labels[0], classes)}",
            "add the class to config.toml, or change the label of this region",
        )
    return index


def _spelling_hint(label: str, classes: ClassSet) -> str:
    """A hint where only blanks or case differ, which make different labels in Label Studio."""
    plain = " ".join(label.split()).casefold()
    alike = [name for name in classes.drawn if " ".join(name.split()).casefold() == plain]
    return f" (not {alike[0]!r}: case and blanks count)" if alike else ""


def region_pixels(region: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    """The pixels of a region whose class is known; size: (height_px, width_px) of the image.

    Raises UnreadableValue.
    """
    _check_image(region, size)
    value = region["value"]
    if region["type"] in SHAPES:
        return SHAPES[region["type"]](value, size)
    if region["type"] == BRUSH and value.get("rle") == []:  # an empty stroke
        return Patch(top=0, left=0, inside=np.zeros((0, 0), np.bool_), is_clipped=False)
    if region["type"] == BRUSH:
        alpha = brush_rle.decode(value.get("rle"), *size)
    else:
        alpha = bitmask.decode(value.get("imageDataURL"), *size)
    if alpha.max() == 1:
        raise UnreadableValue("a mask of 0 and 1, which nobody can see", "one of 0 and 255")
    return Patch(top=0, left=0, inside=alpha > ALPHA_ABOVE, is_clipped=False)


def _check_image(region: Mapping[str, Any], size: tuple[int, int]) -> None:
    height_px, width_px = size
    stated_size = (region.get("original_height"), region.get("original_width"))
    if stated_size != size:
        raise UnreadableValue(
            f"a mask for {short(stated_size[1])}x{short(stated_size[0])} pixels",
            f"{width_px}x{height_px}, as the image",
            "the image of this task was replaced, or it is another image: label it again",
        )
    rotation = region.get("image_rotation")
    if rotation is not None and (not _is_number(rotation) or rotation % 90):  # NaN and inf too
        raise UnreadableValue(
            f"an image turned by {short(rotation)}", "a quarter turn", "turn it back"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
