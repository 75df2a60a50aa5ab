"""Planted errors: a copy of a label with known mistakes, by which the audit is calibrated.

The kinds and sizes follow studies of annotation noise (AIO2, TGRS 2024: removal, shift, erosion,
dilation); swaps and phantoms are what people do besides.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.audit.label_components import BACKGROUND, EIGHT, Components, IdMap, components_of
from daemon.domain import Mask

MIN_PLANTED_PX = 100  # area of a component in which an error is planted
SHIFT, DILATE, ERODE = 0.25, 0.12, 0.10  # of the root of the area
MIN_BORDER_PX = 2.0  # of a dilation or erosion: people repeat borders no better
CUT = (0.3, 0.5)  # share of the area that a cut removes
PHANTOM_TRIES = 8
Region = npt.NDArray[np.bool_]


class Planted(enum.StrEnum):
    """A planted error. DROP: no label. PHANTOM: a label where there is only background."""

    SWAP = "swap"
    DROP = "missing"
    CUT = "cut"
    SHIFT = "shift"
    DILATE = "dilate"
    ERODE = "erode"
    PHANTOM = "phantom"


@dataclass(frozen=True, kw_only=True)
class PlantedMask:
    """mask: (H, W), the copy. errors: what was planted; error i + 1 has the number i + 1 in
    `footprint` (H, W), over the pixels of the object before and after. changed: (H, W), where the
    copy differs from the original."""

    mask: Mask
    errors: tuple[Planted, ...]
    footprint: IdMap
    changed: Region


def plant(mask: Mask, classes: int, share: float, rng: np.random.Generator) -> PlantedMask:
    """Plant errors in a share of the components, each of a kind drawn uniformly.

    mask: (H, W), which stays as it is. classes: of the project, background included. share: of the
    components of at least MIN_PLANTED_PX, in [0, 1]. The same rng state plants the same.
    """
    copy, components = mask.copy(), components_of(mask)
    footprint, errors = np.zeros(mask.shape, np.int32), []
    kinds = [kind for kind in Planted if kind is not Planted.SWAP or classes > 2]
    for row in range(len(components)):
        drawn, kind = rng.random(), kinds[int(rng.integers(len(kinds)))]
        if components.areas[row] < MIN_PLANTED_PX or drawn >= share:
            continue
        before = components.ids == row + 1
        if (footprint[before] > 0).any():
            continue
        after = _KINDS[kind](copy, components, row, rng)
        value = int(components.classes[row])
        if kind is Planted.SWAP:
            value = _other_class(value, classes, rng)
        if after is None or not _apply(copy, before, after, kind, value, footprint):
            continue
        errors.append(kind)
        footprint[_region(before, after, kind)] = len(errors)
    return PlantedMask(mask=copy, errors=tuple(errors), footprint=footprint, changed=copy != mask)


def _apply(
    copy: Mask, before: Region, after: Region, kind: Planted, value: int, footprint: IdMap
) -> bool:
    """Paint the error into the copy; False where it would change nothing or spoil another one."""
    if (footprint[after] > 0).any():
        return False
    painted = after & ((copy == BACKGROUND) | before)
    if kind is not Planted.PHANTOM:
        copy[before] = BACKGROUND
    copy[painted] = value
    return True


def _region(before: Region, after: Region, kind: Planted) -> Region:
    found: Region = after if kind is Planted.PHANTOM else before | after
    return found


def _other_class(value: int, classes: int, rng: np.random.Generator) -> int:
    others = [other for other in range(1, classes) if other != value]
    return others[int(rng.integers(len(others)))]


def _same(copy: Mask, components: Components, row: int, rng: np.random.Generator) -> Region:
    found: Region = components.ids == row + 1
    return found


def _nothing(copy: Mask, components: Components, row: int, rng: np.random.Generator) -> Region:
    return np.zeros(copy.shape, bool)


def _cut(copy: Mask, components: Components, row: int, rng: np.random.Generator) -> Region:
    """Without the pixels beyond a straight line."""
    rows, columns = np.nonzero(components.ids == row + 1)
    turn = rng.uniform(0, 2 * np.pi)
    along = rows * np.sin(turn) + columns * np.cos(turn)
    keep = along <= np.quantile(along, 1 - rng.uniform(*CUT))
    found = np.zeros(copy.shape, bool)
    found[rows[keep], columns[keep]] = True
    return found


def _shift(copy: Mask, components: Components, row: int, rng: np.random.Generator) -> Region | None:
    length = SHIFT * np.sqrt(components.areas[row])
    turn = rng.uniform(0, 2 * np.pi)
    return moved(components.ids == row + 1, _rounded(length * np.sin(turn), length * np.cos(turn)))


def _dilate(copy: Mask, components: Components, row: int, rng: np.random.Generator) -> Region:
    radius = max(MIN_BORDER_PX, DILATE * np.sqrt(components.areas[row]))
    outside = components.ids != row + 1
    found: Region = ndimage.distance_transform_edt(outside) <= radius
    return found


def _erode(copy: Mask, components: Components, row: int, rng: np.random.Generator) -> Region:
    radius = max(MIN_BORDER_PX, ERODE * np.sqrt(components.areas[row]))
    inside = components.ids == row + 1
    found: Region = ndimage.distance_transform_edt(inside) > radius
    return found if found.any() else _cut(copy, components, row, rng)


def _phantom(
    copy: Mask, components: Components, row: int, rng: np.random.Generator
) -> Region | None:
    """The shape of the component, at a place where the label has nothing."""
    shape = components.ids == row + 1
    height, width = copy.shape
    for _ in range(PHANTOM_TRIES):
        step = int(rng.integers(-height, height)), int(rng.integers(-width, width))
        found = moved(shape, step)
        whole = found.sum() > 0.9 * components.areas[row]
        if whole and (copy[_grown(found)] == BACKGROUND).all():
            return found
    return None


def moved(region: Region, step: tuple[int, int]) -> Region:
    """The region (H, W) moved by so many rows and columns; what leaves the image is lost."""
    found = np.zeros_like(region)
    rows, columns = np.nonzero(region)
    rows, columns = rows + step[0], columns + step[1]
    height, width = region.shape
    kept = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    found[rows[kept], columns[kept]] = True
    return found


def _rounded(rows: float, columns: float) -> tuple[int, int]:
    return round(rows), round(columns)


def _grown(region: Region) -> Region:
    found: Region = ndimage.binary_dilation(region, structure=EIGHT, iterations=3)
    return found


Kind = Callable[[Mask, Components, int, np.random.Generator], Region | None]
_KINDS: dict[Planted, Kind] = {
    Planted.SWAP: _same,
    Planted.DROP: _nothing,
    Planted.CUT: _cut,
    Planted.SHIFT: _shift,
    Planted.DILATE: _dilate,
    Planted.ERODE: _erode,
    Planted.PHANTOM: _phantom,
}
