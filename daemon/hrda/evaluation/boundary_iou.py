"""Boundary IoU: the agreement of outlines, independent of the size of the objects.

Cheng, Girshick, Dollar, Berg, Kirillov, CVPR 2021: IoU of the pixels of each mask that lie within
2 % of the image's diagonal of its outline.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Mask

DIAGONAL_SHARE = 0.02

Flags = npt.NDArray[np.bool_]


def boundary_counts(truth: Mask, predicted: Mask, classes: int) -> npt.NDArray[np.int64]:
    """(2, C): intersection and union of the boundaries in pixels, by class, to be summed over
    images. truth, predicted: (H, W).

    An unlabeled pixel takes the predicted class, so that it has no outline of its own, and is not
    counted.
    """
    labeled = truth != IGNORE
    filled = np.where(labeled, truth, predicted)
    width_px = max(1, round(DIAGONAL_SHARE * math.hypot(*truth.shape)))
    counts = np.zeros((2, classes), np.int64)
    for index in range(classes):
        true_boundary = boundary(filled == index, width_px) & labeled
        predicted_boundary = boundary(predicted == index, width_px) & labeled
        counts[:, index] = (
            (true_boundary & predicted_boundary).sum(),
            (true_boundary | predicted_boundary).sum(),
        )
    return counts


def boundary(mask: Flags, width_px: int) -> Flags:
    """(H, W): the pixels of a mask at most width_px, in rows and columns, from its outside.

    The outside of the picture counts as outside.
    """
    if not mask.any():
        return mask
    square = np.ones((2 * width_px + 1,) * 2, np.uint8)
    inner = cv2.erode(
        mask.astype(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=(0,)
    )
    return mask & (np.asarray(inner) == 0)


def boundary_iou(
    counts: npt.NDArray[np.int64], present: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """(C,) from the sums; NaN for a class that the truth does not hold. present: (C,)."""
    intersection, union = counts
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(present & (union > 0), intersection / union, np.nan)
