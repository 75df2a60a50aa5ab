"""Connected components of a label, and which of them is near each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.domain import IGNORE, Mask

BACKGROUND = 0
EIGHT = np.ones((3, 3), dtype=bool)  # neighbours of a pixel
IdMap = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]
Slices = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True)
class Components:
    """The 8-connected components of all classes but background and ignore.

    ids: (H, W), 1 to n, 0 where there is none. classes, areas: (n,), of component i + 1. slices:
    their boxes.
    """

    ids: IdMap
    classes: npt.NDArray[np.int64]
    areas: npt.NDArray[np.int64]
    slices: list[Slices]

    def __len__(self) -> int:
        return len(self.classes)


def components_of(mask: Mask) -> Components:
    """The components of a label (H, W), by the first row and column of their boxes."""
    classes: list[int] = []
    ids = np.zeros(mask.shape, np.int32)
    for value in np.flatnonzero(np.bincount(mask.ravel(), minlength=256)):
        if value in (BACKGROUND, IGNORE):
            continue
        part, count = ndimage.label(mask == value, structure=EIGHT)
        ids += np.where(part > 0, part + len(classes), 0).astype(np.int32)
        classes += [int(value)] * count
    boxes: list[Slices] = ndimage.find_objects(ids)
    order = sorted(range(len(classes)), key=lambda row: _corner(boxes[row]))
    renumbered = np.zeros(len(classes) + 1, np.int32)
    renumbered[np.asarray(order, np.int64) + 1] = np.arange(1, len(classes) + 1)
    ids = renumbered[ids]
    return Components(
        ids=ids,
        classes=np.asarray([classes[row] for row in order], np.int64),
        areas=np.bincount(ids.ravel(), minlength=len(classes) + 1)[1:],
        slices=[boxes[row] for row in order],
    )


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """For each pixel without an object the nearest one, for each pixel of an object its depth.

    distance: (H, W), pixels to the nearest component, 0 inside. nearest: (H, W), its id; 0 where
    the label has none. depth: (H, W), pixels to the nearest background, 0 outside of objects.
    """

    distance: FloatArray
    nearest: IdMap
    depth: FloatArray


def neighbourhood(mask: Mask, components: Components) -> Neighbourhood:
    """How far each pixel is from objects and from background. Ignore pixels are neither."""
    inside = components.ids > 0
    if not inside.any():
        far = np.full(mask.shape, np.inf)
        nothing = np.zeros(mask.shape, np.int32)
        return Neighbourhood(distance=far, nearest=nothing, depth=np.zeros(mask.shape))
    distance, (rows, columns) = ndimage.distance_transform_edt(~inside, return_indices=True)
    background = mask == BACKGROUND
    depth = np.full(mask.shape, np.inf)
    if background.any():
        depth = ndimage.distance_transform_edt(~background)
    return Neighbourhood(
        distance=distance,
        nearest=components.ids[rows, columns],
        depth=np.where(inside, depth, 0.0),
    )


def border_band(mask: Mask, tolerance_px: int) -> npt.NDArray[np.bool_]:
    """(H, W): pixels within `tolerance_px` of a pixel of another class. Ignore is no class."""
    band = np.zeros(mask.shape, bool)
    if tolerance_px < 1:
        return band
    size = 2 * tolerance_px + 1
    valid = mask != IGNORE
    low = ndimage.minimum_filter(np.where(valid, mask, 255), size=size)
    high = ndimage.maximum_filter(np.where(valid, mask, 0), size=size)
    band[valid] = (low < high)[valid]
    return band


def _corner(box: Slices) -> tuple[int, int, int, int]:
    return box[0].start, box[1].start, box[0].stop, box[1].stop
