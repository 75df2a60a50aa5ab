"""An object of COCO as pixels: the value of `segmentation`, or of `bbox`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from connectors.masks.shapes import Patch
from daemon.datasets.formats import coco_polygon
from daemon.datasets.painting import whole
from daemon.domain.formatting import short_repr
from daemon.pixels import coco_rle

MOST_COORDINATE = 1e5  # pixels
MOST_RINGS = 100_000  # of an object
MOST_POINTS = 1_000_000  # of a ring


def box_corners(box: object) -> Any:
    """[left, top, width, height] -> (4, 2), pixels. Raises ValueError."""
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_coordinate, box)):
        raise ValueError(f"the bbox {short_repr(box)}; expected left, top, width, height")
    left, top, width, height = box
    return corners_of(left, top, left + width, top + height)


def corners_of(left: float, top: float, right: float, bottom: float) -> Any:
    """The corners of a rectangle, (4, 2) x, y."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def decode(outline: object, size: tuple[int, int]) -> tuple[Patch, int]:
    """The pixels of a `segmentation`, and how many of its rings are holes. Raises ValueError."""
    if isinstance(outline, dict):
        if outline.get("size") != list(size):
            raise ValueError(
                f"run lengths of the size {short_repr(outline.get('size'))}, not {list(size)}"
            )
        counts = outline.get("counts")
        if isinstance(counts, str):
            return whole(coco_rle.decompress(counts, size)), 0
        return whole(coco_rle.decode(counts, size)), 0
    if not isinstance(outline, list) or len(outline) > MOST_RINGS:
        raise ValueError(f"the segmentation {short_repr(outline)}")
    return _rings([coco_polygon.fill(ring_of(ring), size) for ring in outline], size)


def _rings(rings: Sequence[Patch], size: tuple[int, int]) -> tuple[Patch, int]:
    """The largest ring first: one inside what is filled by then is a hole."""
    clipped = any(ring.is_clipped for ring in rings)
    if len(rings) == 1:
        return rings[0], 0
    inside = np.zeros(size, np.bool_)
    holes = 0
    for ring in sorted(rings, key=lambda ring: -np.count_nonzero(ring.inside)):
        height_px, width_px = ring.inside.shape
        under = inside[ring.top : ring.top + height_px, ring.left : ring.left + width_px]
        is_hole = bool(ring.inside.any()) and bool(under[ring.inside].all())
        under[ring.inside] = not is_hole
        holes += is_hole
    return Patch(top=0, left=0, inside=inside, is_clipped=clipped), holes


def ring_of(ring: object) -> Any:
    """[x, y, x, y, ...] -> (N, 2), pixels. Raises ValueError."""
    if not isinstance(ring, list) or len(ring) % 2 or not 6 <= len(ring) <= 2 * MOST_POINTS:
        raise ValueError(f"the ring {short_repr(ring)}; expected x, y, ... of 3 or more points")
    if not all(is_coordinate(value) for value in ring):
        raise ValueError(f"the ring {short_repr(ring)}; expected numbers of pixels")
    return np.array(ring, np.float64).reshape(-1, 2)


def is_coordinate(value: object) -> bool:
    """Whether a value is a finite number of pixels that an image may have."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= MOST_COORDINATE
    )
