"""The pixels of an object of Supervisely, as its SDK draws them.

A polygon or rectangle holds the pixels on its outline, and coordinates are floored; one that
equals the width or height means the last pixel. A hole is cleared in the object only. A bitmap is
a PNG packed with zlib in base64, from its origin on; every pixel with a palette index, a value or
an alpha above 0 belongs to it; of an alpha mask, those above 127.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from connectors.masks.shapes import Patch
from daemon.datasets.json_files import list_of, object_of
from daemon.datasets.painting import pasted
from daemon.datasets.samples import LabelsUnusable
from daemon.domain.errors import ImageRefused
from daemon.domain.formatting import short_repr
from daemon.pixels.formats import START_BYTES, Kind, kind_of
from daemon.pixels.headers import DECODER_ERRORS, open_picture

MOST_COORDINATE = 100_000  # pixels, either way: OpenCV draws with 16 bits behind the point
MOST_POINTS = 1_000_000  # of a ring
MOST_PNG_BYTES = MOST_PIXELS = 2**28  # of a bitmap
ALPHA_ABOVE = 127
_NOTHING = Patch(top=0, left=0, inside=np.zeros((0, 0), np.bool_), is_clipped=False)
_Points = npt.NDArray[np.int32]  # (N, 2): x, y


def decode(kind: str, entry: Mapping[str, Any], size: tuple[int, int], where: str) -> Patch:
    """The pixels of an object. kind: one of AREAS. Raises LabelsUnusable, naming `where`."""
    return AREAS[kind](entry, size, where)


def _bitmap(entry: Mapping[str, Any], size: tuple[int, int], where: str) -> Patch:
    packed = object_of(entry.get("bitmap"), f"{where}, bitmap")
    left, top = _point(packed.get("origin"), f"{where}, origin")
    return pasted(_png(packed.get("data"), where) > 0, top, left, size)


def _alpha_mask(entry: Mapping[str, Any], size: tuple[int, int], where: str) -> Patch:
    packed = object_of(entry.get("bitmap", entry.get("alpha_mask")), f"{where}, bitmap")
    left, top = _point(packed.get("origin"), f"{where}, origin")
    return pasted(_png(packed.get("data"), where) > ALPHA_ABOVE, top, left, size)


def _polygon(entry: Mapping[str, Any], size: tuple[int, int], where: str) -> Patch:
    return _filled(entry.get("points"), size, where)


def _multipolygon(entry: Mapping[str, Any], size: tuple[int, int], where: str) -> Patch:
    parts = list_of(entry.get("parts"), f"{where}, parts")
    inside, clipped = np.zeros(size, np.bool_), False
    for part in parts:
        patch = _filled(part, size, where)
        height_px, width_px = patch.inside.shape
        inside[patch.top : patch.top + height_px, patch.left : patch.left + width_px] |= (
            patch.inside
        )
        clipped = clipped or patch.is_clipped
    return Patch(top=0, left=0, inside=inside, is_clipped=clipped)


def _rectangle(entry: Mapping[str, Any], size: tuple[int, int], where: str) -> Patch:
    points = object_of(entry.get("points"), f"{where}, points")
    corners = _ring(points.get("exterior"), size, where)
    if len(corners) != 2:
        raise LabelsUnusable(where, f"{len(corners)} corners", "2", "correct the file")
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    rows = slice(max(top, 0), max(bottom + 1, 0))
    columns = slice(max(left, 0), max(right + 1, 0))
    height_px = len(range(*rows.indices(size[0])))
    width_px = len(range(*columns.indices(size[1])))
    return Patch(
        top=min(rows.start, size[0]),
        left=min(columns.start, size[1]),
        inside=np.ones((height_px, width_px), np.bool_),
        is_clipped=(height_px, width_px) != (bottom + 1 - top, right + 1 - left),
    )


AREAS: Mapping[str, Callable[[Mapping[str, Any], tuple[int, int], str], Patch]] = {
    "bitmap": _bitmap,
    "alpha_mask": _alpha_mask,
    "polygon": _polygon,
    "multipolygon": _multipolygon,
    "rectangle": _rectangle,
}


def _filled(points: object, size: tuple[int, int], where: str) -> Patch:
    """A ring and its holes; a ring of fewer than three points holds no pixel."""
    entry = object_of(points, f"{where}, points")
    exterior = _ring(entry.get("exterior"), size, where)
    holes = [_ring(hole, size, where) for hole in list_of(entry.get("interior") or [], where)]
    if len(exterior) < 3:
        return _NOTHING
    (low_x, low_y), (high_x, high_y) = exterior.min(axis=0).tolist(), exterior.max(axis=0).tolist()
    left, top = max(low_x, 0), max(low_y, 0)
    right, bottom = min(high_x + 1, size[1]), min(high_y + 1, size[0])
    clipped = (left, top, right - 1, bottom - 1) != (low_x, low_y, high_x, high_y)
    if right <= left or bottom <= top:
        return Patch(top=0, left=0, inside=_NOTHING.inside, is_clipped=True)
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    offset = np.array([left, top], np.int32)
    cv2.fillPoly(canvas, [exterior - offset], 1)
    for hole in holes:
        if len(hole) >= 3:
            cv2.fillPoly(canvas, [hole - offset], 0)
    return Patch(top=top, left=left, inside=canvas > 0, is_clipped=clipped)


def _ring(points: object, size: tuple[int, int], where: str) -> _Points:
    """(N, 2) x, y as whole pixels."""
    listed = list_of(points, f"{where}, ring")
    if len(listed) > MOST_POINTS:
        raise LabelsUnusable(
            where, f"{len(listed)} points", f"at most {MOST_POINTS}", "thin it out"
        )
    found = np.array([_point(point, where) for point in listed], np.int32).reshape(-1, 2)
    height_px, width_px = size
    return np.asarray(np.where(found == (width_px, height_px), found - 1, found), np.int32)


def _point(point: object, where: str) -> tuple[int, int]:
    """[x, y], floored. Raises LabelsUnusable."""
    if isinstance(point, list) and len(point) == 2 and all(_is_near(value) for value in point):
        return math.floor(point[0]), math.floor(point[1])
    raise LabelsUnusable(
        where, short_repr(point), f"[x, y] within {MOST_COORDINATE} pixels", "correct the file"
    )


def _is_near(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= MOST_COORDINATE
    )


def _png(text: object, where: str) -> npt.NDArray[np.uint8]:
    """(H, W): what each pixel of a patch holds; 0: outside. Raises LabelsUnusable."""
    expected, cure = "base64 of a PNG packed with zlib", "correct the file"
    try:
        content = _unpacked(base64.b64decode(text if isinstance(text, str) else "", validate=True))
        if kind_of(content[:START_BYTES]) is not Kind.PNG:
            raise LabelsUnusable(where, f"a bitmap of {short_repr(text, 40)}", expected, cure)
        with open_picture(content, where, MOST_PIXELS).picture as picture:
            picture.load()
            return _level(picture)
    except (binascii.Error, ValueError) as exc:
        raise LabelsUnusable(where, f"broken base64: {str(exc)[:100]}", expected, cure) from exc
    except ImageRefused as exc:
        raise LabelsUnusable(where, exc.got, expected, cure) from exc
    except DECODER_ERRORS as exc:
        raise LabelsUnusable(where, f"a damaged bitmap: {exc}"[:200], expected, cure) from exc


def _unpacked(content: bytes) -> bytes:
    """What zlib packed; other bytes are the PNG itself. Raises ValueError for a bomb."""
    try:
        unpacking = zlib.decompressobj()
        found = unpacking.decompress(content, MOST_PNG_BYTES)
    except zlib.error:
        return content
    if unpacking.unconsumed_tail:
        raise ValueError(f"a bitmap that unpacks to more than {MOST_PNG_BYTES} bytes")
    return found


def _level(picture: Any) -> npt.NDArray[np.uint8]:
    """Palettes count by their index, then transparency, then the brightest channel."""
    if picture.mode in ("P", "L"):
        return np.array(picture, np.uint8)
    if picture.mode in ("RGBA", "LA"):
        return np.array(picture, np.uint8)[..., -1]
    return np.asarray(np.array(picture.convert("RGB"), np.uint8).max(axis=2), np.uint8)
