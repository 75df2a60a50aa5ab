"""From a mask to the cells of the features: pixels of each class in each cell. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Mask

Counts = npt.NDArray[np.int64]


def pixels_by_cell(mask: Mask, cell_px: int, classes: int) -> npt.NDArray[np.int32]:
    """(rows, columns, C): labeled pixels of each class in each cell of a mask (H, W).

    A cell has cell_px pixels along a side; fewer at the right and lower edge.
    """
    height, width = mask.shape
    rows, columns = -(-height // cell_px), -(-width // cell_px)
    cell = (np.arange(height) // cell_px)[:, None] * columns + np.arange(width) // cell_px
    labeled = mask != IGNORE
    pairs = cell[labeled] * classes + mask[labeled]
    counts = np.bincount(pairs, minlength=rows * columns * classes)
    return counts.reshape(rows, columns, classes).astype(np.int32)


def labels_of(counts: npt.NDArray[np.int32]) -> Mask:
    """(rows, columns): the class with most pixels in each cell, of equal ones the first; 255 where
    no pixel has a label."""
    found = counts.argmax(axis=-1).astype(np.uint8)
    found[counts.sum(axis=-1) == 0] = IGNORE
    return found


def confusion_of(counts: npt.NDArray[np.int32], predicted: npt.NDArray[np.int64]) -> Counts:
    """(C, C) pixels by (truth, prediction), each pixel with the prediction (rows, columns) of its
    cell."""
    classes = counts.shape[-1]
    flat, cells = predicted.ravel(), counts.reshape(-1, classes).astype(np.int64)
    return np.stack([cells[flat == c].sum(axis=0) for c in range(classes)], axis=1)


def pixels_of(cells: npt.NDArray[np.int64], cell_px: int, size: tuple[int, int]) -> Mask:
    """(H, W): each pixel with the class of its cell."""
    rows = cells.astype(np.uint8).repeat(cell_px, axis=0)[: size[0]]
    return rows.repeat(cell_px, axis=1)[:, : size[1]]
