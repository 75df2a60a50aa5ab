"""From the masks of a decoder to one mask of the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.clicks.click import Click, FloatMap, ObjectProbability
from daemon.sam.sam_contract import LONG_SIDE, LOW_SIDE
from daemon.sam.sam_graphs import SamMasks, resized_size

MOST_USUAL_AREAS = 4  # a first mask has fewer pixels than so many usual objects of its class
MARGIN_CELLS = 1  # of the decoder's mask, around what is inside
MARGIN_PX = 2  # around clicks
STEEPEST = 30.0  # logits beyond it are as sure


def chosen_mask(
    found: SamMasks, *, clicks: int, size: tuple[int, int], usual_area_px: float | None
) -> FloatMap:
    """(256, 256), the logits of the mask that answers so many clicks on an image (H, W).

    From the second click on it is the decoder's single mask. At the first click, which may mean a
    part or the whole, it is the one with the best predicted IoU of those that are smaller than
    MOST_USUAL_AREAS x usual_area_px; of all where none is, or where that is None.
    """
    count = len(found.iou)
    several = range(1, 4) if count == 4 else range(count)  # of four masks the first is the single
    if clicks > 1 and count == 4:
        return _row(found.logits, 0)
    if clicks == 1 and usual_area_px is not None:
        bound = MOST_USUAL_AREAS * usual_area_px
        small = [row for row in several if area_px(found.logits[row], size) < bound]
    else:
        small = []
    best = max(small or several, key=lambda row: float(found.iou[row]))
    return _row(found.logits, best)


def _row(logits: FloatMap, row: int) -> FloatMap:
    return np.array(logits[row], np.float32)  # alone: a view would keep its neighbours


def area_px(logits: FloatMap, size: tuple[int, int]) -> float:
    """Pixels of an image (H, W) inside of a mask (256, 256)."""
    rows, columns = part_of_square(size)
    inside = int(np.count_nonzero(logits[: round_up(rows), : round_up(columns)] > 0))
    return inside * size[0] * size[1] / (rows * columns)


def part_of_square(size: tuple[int, int]) -> tuple[float, float]:
    """How many rows and columns of a mask (256, 256) an image (H, W) fills."""
    rows, columns = resized_size(size)
    return rows * LOW_SIDE / LONG_SIDE, columns * LOW_SIDE / LONG_SIDE


def at_image_scale(
    logits: FloatMap, size: tuple[int, int], clicks: Sequence[Click]
) -> ObjectProbability:
    """The mask (256, 256) as a crop of the image (H, W) that holds it and the clicks."""
    part = part_of_square(size)
    inside = np.argwhere(logits[: round_up(part[0]), : round_up(part[1])] > 0)
    top, bottom = _span(inside[:, 0], size[0] / part[0], size[0], [one.y for one in clicks])
    left, right = _span(inside[:, 1], size[1] / part[1], size[1], [one.x for one in clicks])
    rows = _sampled(logits, np.arange(top, bottom), part[0] / size[0])
    found = _sampled(rows.T, np.arange(left, right), part[1] / size[1]).T
    values = 1 / (1 + np.exp(-found.clip(-STEEPEST, STEEPEST)))
    return ObjectProbability(
        left=left, top=top, values=np.ascontiguousarray(values, dtype=np.float32)
    )


def round_up(cells: float) -> int:
    """The next whole number of cells."""
    return int(np.ceil(cells))


def _span(
    cells: np.typing.NDArray[np.intp], cell_px: float, most: int, clicked: Sequence[int]
) -> tuple[int, int]:
    """First pixel and the one behind the last, along an axis of `most` pixels."""
    first, last = min(clicked) - MARGIN_PX, max(clicked) + MARGIN_PX + 1
    if cells.size:
        first = min(first, int((int(cells.min()) - MARGIN_CELLS) * cell_px))
        last = max(last, int((int(cells.max()) + 1 + MARGIN_CELLS) * cell_px) + 1)
    return max(0, first), min(most, last)


def _sampled(values: FloatMap, pixels: np.typing.NDArray[np.intp], scale: float) -> FloatMap:
    """The rows at the centres of pixels, interpolated. scale: rows a pixel."""
    at = ((pixels + 0.5) * scale - 0.5).clip(0, len(values) - 1)
    low = np.minimum(at.astype(np.intp), len(values) - 2)
    weight = (at - low).astype(np.float32)[:, None]
    return np.asarray(values[low] * (1 - weight) + values[low + 1] * weight, np.float32)
