"""One region of a result: its class and its pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from connectors.masks import bitmask, brush_rle, shapes
from connectors.masks.shapes import Patch
from connectors.refusals import Unreadable, shown
from daemon.domain import ClassSet

TYPE = "bitmasklabels"
BRUSH = "brushlabels"
SHAPES: Mapping[str, Callable[[Mapping[str, Any], tuple[int, int]], Patch]] = {
    "polygonlabels": shapes.polygon,
    "rectanglelabels": shapes.rectangle,
    "ellipselabels": shapes.ellipse,
}
ALPHA_ABOVE = 127


def class_of(region: Mapping[str, Any], classes: ClassSet, readable: Mapping[str, str]) -> int:
    """The pixel value of a region's one label. readable: tag -> type of its regions.

    Raises Unreadable.
    """
    tag_type, name = region.get("type"), region.get("from_name")
    if not isinstance(name, str) or name not in readable or tag_type != readable[name]:
        raise Unreadable(
            f"a {shown(tag_type)} region of the tag {shown(name)}",
            " or ".join(f"{each} of the tag {tag!r}" for tag, each in readable.items()),
            "draw it again with a mask tag of this project",
        )
    value = region.get("value")
    labels = value.get(tag_type) if isinstance(value, dict) else None
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        raise Unreadable(f"labels {shown(labels)}", "exactly one label", "set one label")
    if len(set(labels)) != 1:
        raise Unreadable(f"labels {shown(labels)}", "exactly one label", "set one label")
    index = classes.index(labels[0])
    if index is None:
        raise Unreadable(
            f"the label {shown(labels[0])}",
            f"one of {', '.join(classes.drawn)}{_meant(labels[0], classes)}",
            "add the class to config.toml, or change the label of this region",
        )
    return index


def _meant(label: str, classes: ClassSet) -> str:
    """A hint where only blanks or the case differ; Label Studio takes them for other labels."""
    plain = " ".join(label.split()).casefold()
    alike = [name for name in classes.drawn if " ".join(name.split()).casefold() == plain]
    return f" (not {alike[0]!r}: case and blanks count)" if alike else ""


def pixels_of(region: Mapping[str, Any], size: tuple[int, int]) -> Patch:
    """The pixels of a region whose class is known; size: (height_px, width_px) of the image.

    Raises Unreadable.
    """
    _check_image(region, size)
    value = region["value"]
    if region["type"] in SHAPES:
        return SHAPES[region["type"]](value, size)
    if region["type"] == BRUSH and value.get("rle") == []:  # a stroke that was never made
        return Patch(top=0, left=0, inside=np.zeros((0, 0), np.bool_), beyond=False)
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
    turn = region.get("image_rotation")
    if turn is not None and (not _is_number(turn) or turn % 90):  # NaN and inf too
        raise Unreadable(f"an image turned by {shown(turn)}", "a quarter turn", "turn it back")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
