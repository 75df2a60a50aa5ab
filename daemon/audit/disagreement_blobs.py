"""Blobs where the model sees another class than the label: their size, weight and owner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.audit.label_components import (
    BACKGROUND,
    EIGHT,
    Components,
    FloatArray,
    IdMap,
    Neighbourhood,
    Slices,
    border_band,
    centres_of,
)
from daemon.domain import IGNORE, Mask

MIN_BLOB_PX = 30
MIN_CORE_PX = 9  # pixels of a blob beyond the tolerance along borders of the label
TOUCHING_PX = 1.5  # between the pixels of a blob and of the component that it touches
Probability = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Blobs:
    """Connected pixels of one class in the label and one other class of the model.

    ids: (H, W), 1 to n, 0 elsewhere. Of blob i + 1, (n,) each: labels, models: the class in the
    label and of the model. areas: pixels. mass: sum of the largest probability minus that of the
    label. distance: pixels to the nearest component, 0 for a blob inside of one. owners: id of
    the component that it lies in or has most in common with, 0 for none. contacts: (m, 2), the row
    of a blob and the id of each component that it lies in or touches. slices: their boxes.
    """

    ids: IdMap
    labels: npt.NDArray[np.int64]
    models: npt.NDArray[np.int64]
    areas: npt.NDArray[np.int64]
    mass: FloatArray
    distance: FloatArray
    owners: npt.NDArray[np.int64]
    contacts: npt.NDArray[np.int64]
    slices: list[Slices]

    def __len__(self) -> int:
        return len(self.labels)


def blobs_of(
    mask: Mask,
    probability: Probability,
    components: Components,
    near: Neighbourhood,
    tolerance_px: int,
) -> Blobs:
    """The blobs of a label (H, W) and class probabilities (C, H, W).

    A blob counts if it survives an opening of 3x3, has MIN_BLOB_PX pixels, and reaches farther
    than `tolerance_px` from the borders of the label.
    """
    best = probability.argmax(axis=0)
    valid = mask != IGNORE
    differs = ndimage.binary_opening(valid & (best != mask), structure=EIGHT)
    core = differs & ~border_band(mask, tolerance_px)
    labels: list[int] = []
    models: list[int] = []
    ids = np.zeros(mask.shape, np.int32)
    pairs = np.where(differs, mask.astype(np.int64) * 256 + best, -1)
    codes, counts = np.unique(pairs[differs], return_counts=True)
    for code in codes[counts >= MIN_BLOB_PX]:
        part, found = _large_parts(pairs == code, core)
        ids += np.where(part > 0, part + len(labels), 0).astype(np.int32)
        labels += [int(code) // 256] * found
        models += [int(code) % 256] * found
    return _measured(ids, labels, models, mask, probability, components, near)


def _large_parts(pixels: npt.NDArray[np.bool_], core: npt.NDArray[np.bool_]) -> tuple[IdMap, int]:
    """The connected parts that are large enough, numbered from 1, and how many they are."""
    part, count = ndimage.label(pixels, structure=EIGHT)
    sizes = np.bincount(part.ravel(), minlength=count + 1)
    cores = np.bincount(part[core], minlength=count + 1)
    keep = (sizes >= MIN_BLOB_PX) & (cores >= MIN_CORE_PX)
    keep[0] = False
    numbers = np.zeros(count + 1, np.int32)
    numbers[keep] = np.arange(1, keep.sum() + 1)
    return numbers[part], int(keep.sum())


def _measured(
    ids: IdMap,
    labels: list[int],
    models: list[int],
    mask: Mask,
    probability: Probability,
    components: Components,
    near: Neighbourhood,
) -> Blobs:
    count, rows = len(labels), np.flatnonzero(ids)
    group = ids.ravel()[rows].astype(np.int64) - 1
    flat = probability.reshape(len(probability), -1)[:, rows]
    label = np.minimum(mask.ravel()[rows], len(probability) - 1)
    gap = flat.max(axis=0) - np.take_along_axis(flat, label[None].astype(np.int64), axis=0)[0]
    distance = np.full(count, np.inf)
    np.minimum.at(distance, group, near.distance.ravel()[rows])
    contacts, shared = _contacts(ids, components)
    return Blobs(
        ids=ids,
        labels=np.asarray(labels, np.int64),
        models=np.asarray(models, np.int64),
        areas=np.bincount(group, minlength=count),
        mass=np.bincount(group, gap, minlength=count).astype(np.float64),
        distance=distance,
        owners=_owners(contacts, shared, ids, count, components),
        contacts=contacts,
        slices=ndimage.find_objects(ids),
    )


def _contacts(
    ids: IdMap, components: Components
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(m, 2): `contacts` of blobs; (m,): how many pairs of neighbouring pixels make each. A blob
    inside a component touches no other one."""
    own = components.ids.ravel()[np.flatnonzero(ids)]
    rows, columns = np.nonzero(ids)
    padded, codes = np.pad(components.ids, 1), []
    blob = (ids[rows, columns].astype(np.int64) - 1) * (len(components) + 1)
    for down, right in np.ndindex(3, 3):
        other = padded[rows + down, columns + right]
        touches = np.where(own > 0, other == own, other > 0)
        codes.append((blob + other)[touches])
    found, shared = np.unique(np.concatenate(codes), return_counts=True)
    return np.stack(np.divmod(found, len(components) + 1), axis=1), shared


def _owners(
    contacts: npt.NDArray[np.int64],
    shared: npt.NDArray[np.int64],
    ids: IdMap,
    count: int,
    components: Components,
) -> npt.NDArray[np.int64]:
    """(n,): the component that a blob shares most pairs of neighbours with; of several the larger
    one, then the one whose centre is nearer: nothing that a turn of the image changes."""
    owners = np.zeros(count, np.int64)
    blob, component = contacts.T
    sizes = components.areas[component - 1]
    away = centres_of(ids, count)[blob] - centres_of(components.ids, len(components))[component - 1]
    apart = np.hypot(away[:, 0], away[:, 1]).round(6)  # equal ones are equal in every turn
    for row in np.lexsort((-apart, sizes, shared)):  # the one that counts comes last
        owners[blob[row]] = component[row]
    return owners


def is_background(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which of these classes are the background."""
    found: npt.NDArray[np.bool_] = classes == BACKGROUND
    return found
