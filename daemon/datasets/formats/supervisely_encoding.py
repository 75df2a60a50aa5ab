"""A mask as an annotation of Supervisely: one bitmap a class, in its smallest patch.

A bitmap is a palette PNG whose index 0 is transparent, packed with zlib, in base64. Supervisely has
no pixels without a label: they become an object of a class of their own.
"""

from __future__ import annotations

import base64
import colorsys
import io
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from daemon.domain import Mask
from daemon.pixels.masks import values_of

_GOLDEN = 0.618034  # of the circle of hues: neighbours differ


def meta(titles: Sequence[str]) -> dict[str, Any]:
    """The content of meta.json for these classes."""
    classes = [
        {"id": number, "title": title, "shape": "bitmap", "color": _colour(number), "hotkey": ""}
        for number, title in enumerate(titles, start=1)
    ]
    return {"classes": classes, "tags": [], "projectType": "images"}


def annotation(mask: Mask, titles: Mapping[int, str]) -> dict[str, Any]:
    """The annotation of a mask, (H, W). titles: pixel value -> title, of the values that become
    objects; raises KeyError for another one, except 0."""
    height_px, width_px = mask.shape
    objects = [
        {
            "classTitle": titles[value],
            "description": "",
            "tags": [],
            "geometryType": "bitmap",
            "bitmap": _bitmap(mask == value),
        }
        for value in values_of(mask)
        if value > 0
    ]
    return {
        "description": "",
        "tags": [],
        "size": {"height": height_px, "width": width_px},
        "objects": objects,
    }


def _bitmap(inside: npt.NDArray[np.bool_]) -> dict[str, Any]:
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    patch = inside[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    picture = Image.fromarray(patch.astype(np.uint8), mode="P")
    picture.putpalette([0, 0, 0, 255, 255, 255])
    png = io.BytesIO()
    picture.save(png, "PNG", transparency=0, optimize=False)
    packed = base64.b64encode(zlib.compress(png.getvalue())).decode("ascii")
    return {"data": packed, "origin": [left, top]}


def _colour(number: int) -> str:
    """A colour for a class, "#rrggbb"; the same at every export."""
    channels = colorsys.hsv_to_rgb(number * _GOLDEN % 1.0, 0.8, 0.9)
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)
