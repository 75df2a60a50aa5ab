"""What the smart tool suggests: a region of the project's own mask tag, and the whole answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.label_studio.ml_backend import PixelBox
from connectors.masks import bitmask, brush_rle
from connectors.masks.regions import BRUSH, SHAPES, Control
from daemon.clicks.click import ObjectProbability

INSIDE = 0.5  # the smallest probability of a pixel that belongs to the object
ID_START = "mk"
NOTHING_TO_STORE: Mapping[str, Any] = {"results": []}  # where Label Studio asks for predictions
Inside = npt.NDArray[np.bool_]


def region_id(task: int, session: str, taken: frozenset[str] = frozenset()) -> str:
    """The id of the region of a session: the same for all its requests, never one of `taken`.

    A region that is accepted replaces the one with its id (measured), so an id that the task holds
    already is never given out: a person may have changed that region since.
    """
    attempt = 0
    while True:
        text = f"{task}\0{session}\0{attempt}".encode("utf-8", "backslashreplace")
        found = ID_START + hashlib.sha256(text).hexdigest()[:16]
        if found not in taken:
            return found
        attempt += 1


def no_region(version: str) -> dict[str, Any]:
    """The answer that shows nothing."""
    return {"results": [{"model_version": version, "score": 0.0, "result": []}]}


def one_region(version: str, region: Mapping[str, Any]) -> dict[str, Any]:
    """The answer that suggests one region."""
    result = {"model_version": version, "score": region.get("score", 0.0), "result": [dict(region)]}
    return {"results": [result]}


def object_mask(
    found: ObjectProbability, size: tuple[int, int], box: PixelBox | None = None
) -> Inside:
    """Where the object is in an image of (height_px, width_px); only inside of the box."""
    inside = np.zeros(size, np.bool_)
    rows = slice(max(0, found.top), min(size[0], found.top + found.values.shape[0]))
    columns = slice(max(0, found.left), min(size[1], found.left + found.values.shape[1]))
    if rows.start < rows.stop and columns.start < columns.stop:
        inside[rows, columns] = _part(found, rows, columns) >= INSIDE
    if box is not None:
        limits = np.zeros(size, np.bool_)
        limits[box.top : box.bottom, box.left : box.right] = True
        inside &= limits
    return inside


def mean_probability(found: ObjectProbability) -> float:
    """The mean probability of the pixels that belong to the object; 0 without any."""
    inside = found.values[found.values >= INSIDE]
    return round(float(inside.mean(dtype=np.float64)), 4) if inside.size else 0.0


def suggested_region(
    inside: Inside, *, id: str, label: str, control: Control, score: float, note: str
) -> Mapping[str, Any] | None:
    """The region of a mask; None for an empty one and where the tag draws shapes only.

    score: 0 to 1, shown beside the region. note: kept with it in `meta`, where people do not see
    it.
    """
    if control.type in SHAPES or not inside.any():
        return None
    height_px, width_px = inside.shape
    return {
        "id": id,
        "type": control.type,
        "from_name": control.from_name,
        "to_name": control.to_name,
        "original_width": width_px,
        "original_height": height_px,
        "image_rotation": 0,
        "score": score,
        "meta": {"maskloop": note},
        "value": {**_drawn(inside, control.type), control.type: [label]},
    }


def _drawn(inside: Inside, tag_type: str) -> dict[str, Any]:
    if tag_type == BRUSH:
        return {"format": "rle", "rle": brush_rle.encode(inside.astype(np.uint8) * 255)}
    return {"imageDataURL": bitmask.encode(inside)}


def _part(found: ObjectProbability, rows: slice, columns: slice) -> npt.NDArray[np.float32]:
    top, left = found.top, found.left
    return found.values[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
