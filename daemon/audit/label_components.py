"""Connected components of a label, and which of them is near each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.domain import IGNORE, Mask

BACKGROUND = 0
EIGHT = np.ones((3, 3), dtype=bool)  # neighbours of a pixel
SURROUNDING_PX = 12  # around an object
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


def centres_of(ids: IdMap, count: int) -> FloatArray:
    """(count, 2): the mean row and column of the pixels with each id of a map (H, W), 1 first."""
    rows, columns = np.nonzero(ids)
    group = ids[rows, columns] - 1
    sums = [np.bincount(group, part, minlength=count) for part in (rows, columns)]
    found: FloatArray = np.stack(sums, axis=1)
    return found / np.bincount(group, minlength=count)[:, None]


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """For each pixel without an object the nearest ones, for each pixel of an object its depth.

    distance: (H, W), pixels to the nearest component, 0 inside. depth: (H, W), pixels to the
    nearest background, 0 outside of objects. pixels, owners: (N,), the flat number of each pixel
    without an object within SURROUNDING_PX of one, and the id of its nearest component; a pixel
    that is equally near to several is there once for each, whatever side they lie on.
    """

    distance: FloatArray
    depth: FloatArray
    pixels: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]


def neighbourhood(mask: Mask, components: Components) -> Neighbourhood:
    """How far each pixel is from objects and from background. Ignore pixels are neither."""
    inside = components.ids > 0
    if not inside.any():
        nothing = np.zeros(0, np.int64)
        far, flat = np.full(mask.shape, np.inf), np.zeros(mask.shape)
        return Neighbourhood(distance=far, depth=flat, pixels=nothing, owners=nothing)
    distance = ndimage.distance_transform_edt(~inside)
    background = mask == BACKGROUND
    depth = np.full(mask.shape, np.inf)
    if background.any():
        depth = ndimage.distance_transform_edt(~background)
    pixels, owners = _nearest(components.ids, distance)
    return Neighbourhood(
        distance=distance, depth=np.where(inside, depth, 0.0), pixels=pixels, owners=owners
    )


def _nearest(
    ids: IdMap, distance: FloatArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """`pixels` and `owners` of a neighbourhood. distance: (H, W), to the nearest component.

    A distance transform names one of several equally near pixels by the direction of its scan; so
    the components at that very distance are looked up, on the circle of pixels around each pixel.
    """
    limit, width = SURROUNDING_PX, ids.shape[1] + 2 * SURROUNDING_PX
    padded = np.pad(ids, limit).ravel()
    rows, columns = np.nonzero((distance > 0) & (distance <= limit))
    squares = np.rint(distance[rows, columns] ** 2).astype(np.int64)
    order = np.argsort(squares, kind="stable")
    rows, columns, squares = rows[order], columns[order], squares[order]
    places = (rows + limit) * width + columns + limit
    ends = np.searchsorted(squares, np.arange(limit**2 + 2))
    found = []
    for square, steps in _circles(limit).items():
        at = slice(ends[square], ends[square + 1])
        offsets = steps[:, 0] * width + steps[:, 1]
        near = padded[places[at, None] + offsets]  # (pixels at this distance, offsets)
        pixel, _ = np.nonzero(near)
        found.append(np.stack([pixel + ends[square], near[near > 0]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)  # a component may lie on a circle twice
    return (rows * ids.shape[1] + columns)[pairs[:, 0]], pairs[:, 1]


@cache
def _circles(limit: int) -> dict[int, npt.NDArray[np.int64]]:
    """Squared distance, 1 to limit^2 -> (n, 2): the steps of rows and columns of that length."""
    steps = np.indices((2 * limit + 1, 2 * limit + 1)).reshape(2, -1).T - limit
    lengths = (steps**2).sum(axis=1)
    squares = np.unique(lengths[(lengths > 0) & (lengths <= limit**2)])
    return {int(square): steps[lengths == square] for square in squares}


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
