"""What clicks are worth: IoU after each click, and how many clicks an object needs (NoC)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from daemon.clicks.click_window import BoolMap

TOLERANCE_PX = 1
RESAMPLES = 2000  # of the bootstrap over objects


def object_iou(inside: BoolMap, truth: BoolMap, valid: BoolMap | None = None) -> float:
    """|A and B| / |A or B| in 0..1, over the pixels that have a label; 1 where both are empty."""
    known = np.ones(truth.shape, np.bool_) if valid is None else valid
    union = int(np.count_nonzero((inside | truth) & known))
    return int(np.count_nonzero(inside & truth & known)) / union if union else 1.0


def tolerant_iou(
    inside: BoolMap,
    truth: BoolMap,
    valid: BoolMap | None = None,
    *,
    tolerance_px: int = TOLERANCE_PX,
) -> float:
    """IoU in which a pixel within the tolerance of the other mask counts as common to both.

    With the precision p and the recall r so counted it is 1 / (1/p + 1/r - 1), which without
    tolerance is the IoU. A border that is wrong by one pixel costs small objects nothing.
    """
    known = np.ones(truth.shape, np.bool_) if valid is None else valid
    one, other = inside & known, truth & known
    rows, columns = np.flatnonzero((one | other).any(axis=1)), np.flatnonzero((one | other).any(0))
    if rows.size:  # the rest holds nothing to grow
        view = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        one, other = one[view], other[view]
    if not one.any() or not other.any():
        return float(not one.any() and not other.any())
    precision = np.count_nonzero(one & _grown(other, tolerance_px)) / np.count_nonzero(one)
    recall = np.count_nonzero(other & _grown(one, tolerance_px)) / np.count_nonzero(other)
    return float(1 / (1 / precision + 1 / recall - 1)) if precision and recall else 0.0


def clicks_to(ious: Sequence[float], target: float, most: int) -> int:
    """NoC of an object: the first click with at least this IoU; `most` if there is none.

    ious: after the clicks 0, 1, 2, ...; the first is that of the mask before any click.
    """
    reached = (click for click, iou in enumerate(ious[: most + 1]) if iou >= target)
    return next(reached, most)


def solved_within(ious: Sequence[float], target: float, clicks: int) -> bool:
    """Whether so many clicks reach this IoU. ious: as in `clicks_to`."""
    return max(ious[: clicks + 1], default=0.0) >= target


def best_within(ious: Sequence[float], clicks: int) -> float:
    """The best IoU within so many clicks: a person stops at it. ious: as in `clicks_to`."""
    return max(ious[: clicks + 1], default=0.0)


def mean_interval(values: Sequence[float], seed: int) -> tuple[float, float, float]:
    """The mean of at least one value, and the ends of its 95 % interval: percentiles 2.5 and 97.5
    of the means of values drawn with replacement (bootstrap)."""
    found = np.asarray(values, np.float64)
    rows = np.random.default_rng(seed).integers(len(found), size=(RESAMPLES, len(found)))
    low, high = np.percentile(found[rows].mean(axis=1), [2.5, 97.5]).tolist()
    return float(found.mean()), float(low), float(high)


def _grown(inside: BoolMap, pixels: int) -> BoolMap:
    square = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return np.asarray(cv2.dilate(inside.astype(np.uint8), square) > 0, np.bool_)
