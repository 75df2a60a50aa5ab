"""Regions as Label Studio's tags write them, each readable on an image of 8 rows and 10 columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from connectors.masks.regions import BITMASK, BRUSH, Control, DecodedMask, decode, encode
from daemon.domain import IGNORE, ClassSet, Mask

CLASSES = ClassSet(names=("soil", "crop", "weed"), ignore_label="unsure")
POLYGON, RECTANGLE, ELLIPSE = "polygonlabels", "rectanglelabels", "ellipselabels"
SIZE = (8, 10)  # one row is 12.5 %, one column 10 %
masks = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    elements=st.sampled_from([0, 1, 2, IGNORE]),
)


def tag(tag_type: str, *others: str) -> Control:
    further = tuple(Control(from_name=one, to_name="image", type=one) for one in others)
    return Control(from_name=tag_type, to_name="image", type=tag_type, others=further)


EVERY = tag(BITMASK, BRUSH, POLYGON, RECTANGLE, ELLIPSE)


def region(tag_type: str, label: str, value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    height_px, width_px = SIZE
    made = {
        "id": f"{tag_type} {label}",
        "type": tag_type,
        "from_name": tag_type,
        "to_name": "image",
        "original_width": width_px,
        "original_height": height_px,
        "image_rotation": 0,
        "origin": "manual",
        "value": {**value, tag_type: [label]},
    }
    return made | changes


def painted(tag_type: str, label: str, inside: Mask) -> dict[str, Any]:
    index = CLASSES.index(label)
    return encode(inside * np.uint8(index or 0), CLASSES, tag(tag_type), {})[0]


def read(result: object, control: Control = EVERY) -> DecodedMask:
    return decode(result, CLASSES, control, SIZE, "annotation 1")


BOX = {"x": 20, "y": 25, "width": 30, "height": 25}  # rows 2 and 3, columns 2 to 4
SQUARE = {"points": [[20, 25], [50, 25], [50, 50], [20, 50]], "closed": True}
ROUND = {"x": 35, "y": 37.5, "radiusX": 15.1, "radiusY": 12.6, "rotation": 0}
