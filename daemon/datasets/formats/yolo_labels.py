"""A label file of YOLO: a line for each object, its class index and shares of width and height.

An odd number of values is a polygon, x and y in turn; five are a box: centre, width, height. One
value more is the confidence of the model that drew it. A polygon holds the pixels that Ultralytics
trains on: corners cut to whole pixels, and the outline belongs to it. There is no hole.

A turned box is written as its four corners (Ultralytics, "Oriented Bounding Box (OBB) datasets"),
and no line says that it is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from connectors.masks.shapes import Patch
from daemon.datasets.formats import coco_polygon
from daemon.datasets.formats.coco_outline import corners_of
from daemon.datasets.samples import LabelsUnusable
from daemon.domain.errors import ImageRefused
from daemon.domain.formatting import short_repr
from daemon.pixels.reader import read_file

MOST_BYTES = 2**26
MOST_SHARE = 1.5  # of the image, either way: an object may leave it
ROUNDED_TO = 4  # decimals of a share that tell one side from another
ROUNDING_PX = 0.01  # that six decimals lose, at most, up to 10,000 pixels a side
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class YoloObject:
    """A line. shares: (N, 2) corners as shares of width and height; of a box its four."""

    number: int
    index: int
    shares: Floats
    is_box: bool
    by_machine: bool

    @property
    def area(self) -> float:
        """Share of the image that the outline encloses."""
        x, y = self.shares.T
        return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def read_lines(path: Path, where: str) -> list[str]:
    """The lines that hold something. Raises LabelsUnusable."""
    expected, cure = "lines of numbers", "restore the file"
    try:
        text = read_file(path, where=where, max_bytes=MOST_BYTES).decode("utf-8-sig")
    except ImageRefused as exc:
        raise LabelsUnusable(where, exc.got, expected, cure) from exc
    except UnicodeDecodeError as exc:
        raise LabelsUnusable(where, "bytes that are no text", expected, cure) from exc
    return [line for line in text.splitlines() if line.strip()]


def corner_count(line: str) -> int:
    """How many corners a line has; 2 of a box that is not turned."""
    return (len(line.split()) - 1) // 2


def is_slanted(line: str) -> bool:
    """Whether a line of four corners is no rectangle along the sides of the image. False for a line
    that cannot be read."""
    try:
        values = [float(part) for part in line.split()][1:9]
    except ValueError:
        return False
    sides = (len({round(value, ROUNDED_TO) for value in values[axis::2]}) for axis in (0, 1))
    return any(number > 2 for number in sides)


def parsed(line: str, number: int) -> YoloObject:
    """An object. Raises ValueError."""
    try:
        values = [float(part) for part in line.split()]
    except ValueError as exc:
        raise ValueError(f"{short_repr(line)}; expected numbers") from exc
    by_machine = len(values) % 2 == 0
    coordinates = values[1:-1] if by_machine else values[1:]
    if len(coordinates) < 4 or not values[0].is_integer() or values[0] < 0:
        raise ValueError(f"{short_repr(line)}; expected a class index and a polygon or box")
    if not all(-MOST_SHARE <= value <= 1 + MOST_SHARE for value in coordinates):  # NaN neither
        raise ValueError(f"{short_repr(line)}; expected shares of width and height, 0 to 1")
    return YoloObject(
        number=number,
        index=int(values[0]),
        shares=_corners(coordinates),
        is_box=len(coordinates) == 4,
        by_machine=by_machine,
    )


def pixels_of(one: YoloObject, size: tuple[int, int]) -> Patch:
    """The pixels of an object. size: (height_px, width_px). Raises ValueError."""
    corners = one.shares * np.array([size[1], size[0]])
    if one.is_box:
        return coco_polygon.fill(corners, size)
    whole = np.floor(corners + ROUNDING_PX).astype(np.int32)
    whole = np.where(whole == (size[1], size[0]), whole - 1, whole)  # the border is the last pixel
    low, high = np.maximum(whole.min(axis=0), 0), np.minimum(whole.max(axis=0) + 1, size[::-1])
    clipped = bool((whole < 0).any() or (whole >= size[::-1]).any())
    if (high <= low).any():
        return Patch(top=0, left=0, inside=np.zeros((0, 0), np.bool_), is_clipped=clipped)
    canvas = np.zeros((high - low)[::-1], np.uint8)
    cv2.fillPoly(canvas, [(whole - low).astype(np.int32)], 1)
    return Patch(top=int(low[1]), left=int(low[0]), inside=canvas > 0, is_clipped=clipped)


def _corners(coordinates: Sequence[float]) -> Floats:
    if len(coordinates) > 4:
        return np.array(coordinates, np.float64).reshape(-1, 2)
    x, y, width, height = coordinates
    if not math.isfinite(width) or min(width, height) < 0:
        raise ValueError(f"a box of {width} times {height}; expected a size of 0 or more")
    found: Floats = corners_of(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return found
