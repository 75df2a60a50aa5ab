"""A ring of a COCO polygon as pixels: exactly those of pycocotools (rleFrPoly in maskApi.c).

Corners are rounded to fifths of a pixel, each edge is walked there in steps of one, and a pixel
changes sides below each point where the walk crosses the middle of its column. An odd number of
changes above a pixel means inside; so a ring that crosses itself is filled by the even-odd rule.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from connectors.masks.shapes import Patch

SCALE = 5
MOST_STEPS = 4_000_000  # of the walk along a ring: a perimeter of 800,000 pixels
CLIP_TOLERANCE_PX = 0.5
Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


def fill(corners: Floats, size: tuple[int, int]) -> Patch:
    """The pixels of a ring. corners: (N, 2) x, y in pixels; size: (height_px, width_px).

    Raises ValueError for a ring whose perimeter is beyond MOST_STEPS.
    """
    height_px, width_px = size
    columns, rows = _crossings(corners, size)
    low, high = corners.min(axis=0), corners.max(axis=0)
    clipped = bool(
        low.min() < -CLIP_TOLERANCE_PX
        or high[0] > width_px + CLIP_TOLERANCE_PX
        or high[1] > height_px + CLIP_TOLERANCE_PX
    )
    if columns.size == 0:
        return Patch(top=0, left=0, inside=np.zeros((0, 0), np.bool_), is_clipped=clipped)
    left, right = int(columns.min()), int(columns.max()) + 1
    cells = (right - left) * height_px
    at = (columns - left) * height_px + rows
    changes = np.bincount(at, minlength=cells + 1)[:cells]
    inside = np.bitwise_and(np.cumsum(changes & 1), 1).astype(np.bool_)
    return Patch(
        top=0, left=left, inside=inside.reshape(right - left, height_px).T, is_clipped=clipped
    )


def _crossings(corners: Floats, size: tuple[int, int]) -> tuple[_Ints, _Ints]:
    """(M,) column, and (M,) first row that lies below, of each crossing of a column's middle."""
    across, down = _walk(np.trunc(SCALE * corners + 0.5).astype(np.int64))
    moved = across[1:] != across[:-1]
    columns = np.where(across[1:] < across[:-1], across[1:], across[1:] - 1)[moved]
    rows = np.minimum(down[1:], down[:-1])[moved]
    offset = (SCALE - 1) // 2  # of the middle of a pixel, in fifths
    columns, is_middle = (columns - offset) // SCALE, (columns - offset) % SCALE == 0
    kept = is_middle & (columns >= 0) & (columns < size[1])
    below = -((offset - rows[kept]) // SCALE)  # rounded up
    return columns[kept], np.clip(below, 0, size[0])


def _walk(corners: _Ints) -> tuple[_Ints, _Ints]:
    """Every point on the way around the ring, both ends of each edge included: x and y."""
    ends = np.roll(corners, -1, axis=0)
    sizes = np.abs(ends - corners)  # (N, 2)
    longest = sizes.max(axis=1)
    if (total := int((longest + 1).sum())) > MOST_STEPS:
        raise ValueError(f"a ring with a perimeter of {total // SCALE} pixels")
    wide = sizes[:, 0] >= sizes[:, 1]
    along, beside = np.where(wide, 0, 1), np.where(wide, 1, 0)
    edges = np.arange(len(corners))
    flipped = corners[edges, along] > ends[edges, along]
    starts = np.where(flipped[:, None], ends, corners)
    stops = np.where(flipped[:, None], corners, ends)
    slopes = (stops - starts)[edges, beside] / np.maximum(longest, 1)
    edge = np.repeat(edges, longest + 1)
    step = np.arange(total) - np.repeat(np.cumsum(longest + 1) - longest - 1, longest + 1)
    step = np.where(flipped[edge], longest[edge] - step, step)
    on = starts[edge, along[edge]] + step
    off = np.trunc(starts[edge, beside[edge]] + slopes[edge] * step + 0.5).astype(np.int64)
    return np.where(wide[edge], on, off), np.where(wide[edge], off, on)
