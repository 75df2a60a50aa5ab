"""What the model says of each labeled component, as numbers.

All are symmetric in the classes that are not background: exchanging two of them in the label and
in the probabilities changes nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.audit.disagreement_blobs import Blobs, Probability
from daemon.audit.label_components import (
    BACKGROUND,
    Components,
    FloatArray,
    Neighbourhood,
    centres_of,
)
from daemon.audit.softmin import grouped_softmin
from daemon.domain import Mask

CLOSE_RING_PX, RING_PX = 2.5, 6.0  # the far one reaches to SURROUNDING_PX
CLOSE_RIM_PX, RIM_PX = 2.0, 4.0
SECTORS = 8
MIN_SECTOR_PX = 2.0 - 1e-6  # 2, however it was rounded
EPSILON = 1e-3

NAMES = (
    "doubt",  # 1 - mean probability of the label
    "softmin",  # 1 - softmin of the probabilities of the label
    "other",  # log odds of the most probable other object class against the label's
    "background",  # mean probability of background inside
    "ring",  # mean probability of an object in the ring outside, where the label says background
    "close_ring",  # the same in its inner part
    "ring_peak",  # the same in the strongest of eight directions
    "far_ring",  # mean probability of an object in the ring farther out
    "rim",  # mean probability of background along the inner rim
    "close_rim",  # the same in its outer part
    "rim_peak",  # the same in the strongest of eight directions
    "opposition",  # how far objects outside and background inside lie on opposite sides
    "one_sided",  # how far the objects outside lie on one side
    "mass",  # largest disagreement blob that touches it, weighed, by the root of the area
    "outer_mass",  # the same of blobs outside of it
    "inner_mass",  # the same of blobs inside of it
    "size",  # log of its area
    # The same of a component, minus the median over the components of its image: a model draws all
    # objects of an image too large or too small.
    *("doubt_beside_others", "ring_beside_others", "close_ring_beside_others"),
    *("rim_beside_others", "close_rim_beside_others", "softmin_beside_others"),
)
BESIDE = "_beside_others"


def component_features(
    mask: Mask,
    probability: Probability,
    components: Components,
    near: Neighbourhood,
    blobs: Blobs,
) -> FloatArray:
    """(n, len(NAMES)): the features of each component."""
    count = len(components)
    if not count:
        return np.zeros((0, len(NAMES)))
    columns = _of_the_inside(mask, probability, components)
    columns |= _of_the_surrounding(mask, probability, components, near)
    columns |= _of_blobs(components, blobs)
    columns["size"] = np.log(components.areas)
    for name in NAMES:
        if name.endswith(BESIDE):
            values = columns[name.removesuffix(BESIDE)]
            columns[name] = values - np.median(values)
    return np.stack([columns[name] for name in NAMES], axis=1)


def _of_the_inside(
    mask: Mask, probability: Probability, components: Components
) -> dict[str, FloatArray]:
    count, rows = len(components), np.flatnonzero(components.ids)
    group = components.ids.ravel()[rows].astype(np.int64) - 1
    flat = probability.reshape(len(probability), -1)[:, rows]
    label = np.minimum(mask.ravel()[rows], len(probability) - 1).astype(np.int64)
    own = np.take_along_axis(flat, label[None], axis=0)[0].astype(np.float64)
    sums = np.stack([np.bincount(group, part, minlength=count) for part in flat], axis=1)
    means: FloatArray = sums / components.areas[:, None]
    mean_own = np.bincount(group, own, minlength=count) / components.areas
    others = means.copy()
    others[:, BACKGROUND] = 0
    others[np.arange(count), np.minimum(components.classes, len(probability) - 1)] = 0
    odds = np.log((others.max(axis=1) + EPSILON) / (mean_own + EPSILON))
    return {
        "doubt": 1 - mean_own,
        "softmin": 1 - grouped_softmin(own, group, count),
        "other": odds,
        "background": means[:, BACKGROUND],
    }


def _of_the_surrounding(
    mask: Mask, probability: Probability, components: Components, near: Neighbourhood
) -> dict[str, FloatArray]:
    count = len(components)
    centres = centres_of(components.ids, count)
    ring = mask.ravel()[near.pixels] == BACKGROUND
    pixels, owners = near.pixels[ring], near.owners[ring]
    outside = _Sectors.of(pixels, owners, centres, 1 - probability[BACKGROUND])
    distance = near.distance.ravel()[pixels]
    rim = np.flatnonzero((components.ids > 0) & (near.depth <= RIM_PX))
    ids = components.ids.ravel()[rim].astype(np.int64)
    within = _Sectors.of(rim, ids, centres, probability[BACKGROUND])
    ring_near, ring_far = outside.only(distance <= RING_PX), outside.only(distance > RING_PX)
    drift_out, drift_in = ring_near.drift(count), within.drift(count)
    return {
        "ring": ring_near.mean(count),
        "ring_peak": ring_near.peak(count),
        "far_ring": ring_far.mean(count),
        "close_ring": outside.only(distance <= CLOSE_RING_PX).mean(count),
        "close_rim": within.only(near.depth.ravel()[rim] <= CLOSE_RIM_PX).mean(count),
        "rim": within.mean(count),
        "rim_peak": within.peak(count),
        "opposition": -(drift_out * drift_in).sum(axis=1),
        "one_sided": np.linalg.norm(drift_out, axis=1),
    }


def _of_blobs(components: Components, blobs: Blobs) -> dict[str, FloatArray]:
    count, root = len(components), np.sqrt(np.maximum(components.areas, 1))
    blob, component = blobs.contacts.T
    outer = (blobs.labels == BACKGROUND)[blob]
    found = {}
    chosen = {"mass": np.ones(len(blob), bool), "outer_mass": outer, "inner_mass": ~outer}
    for name, rows in chosen.items():
        largest = np.zeros(count + 1)
        np.maximum.at(largest, component[rows], blobs.mass[blob[rows]])
        found[name] = np.log1p(largest[1:] / root)
    return found


class _Sectors:
    """Pixels around components: (N,) their component from 0, direction and value."""

    def __init__(
        self, group: npt.NDArray[np.int64], direction: FloatArray, value: FloatArray
    ) -> None:
        self._group, self._direction, self._value = group, direction, value

    @classmethod
    def of(
        cls,
        pixels: npt.NDArray[np.int64],
        owners: npt.NDArray[np.int64],
        centres: FloatArray,
        values: npt.NDArray[np.floating],
    ) -> _Sectors:
        """Of the pixels with these flat numbers, which belong to the components `owners`.

        values: (H, W).
        """
        rows, columns = np.divmod(pixels, values.shape[1])
        group = owners - 1
        away = np.stack([rows, columns], axis=1) - centres[group]
        length = np.linalg.norm(away, axis=1, keepdims=True)
        return cls(group, away / np.maximum(length, 1), values[rows, columns].astype(np.float64))

    def only(self, chosen: npt.NDArray[np.bool_]) -> _Sectors:
        """The same of some of the pixels."""
        return _Sectors(self._group[chosen], self._direction[chosen], self._value[chosen])

    def mean(self, count: int) -> FloatArray:
        """(count,): the mean value of each component; 0 for one without pixels."""
        return _mean(self._group, self._value, count)

    def peak(self, count: int) -> FloatArray:
        """(count,): the mean value in the strongest of eight directions; a pixel counts for a
        direction by the fourth power of the cosine between them."""
        found = np.zeros(count)
        for turn in np.arange(SECTORS) * (2 * np.pi / SECTORS):
            cosine = self._direction @ np.array([np.sin(turn), np.cos(turn)])
            weight = np.clip(cosine, 0, None) ** 4
            total = np.bincount(self._group, weight, minlength=count)
            summed = np.bincount(self._group, weight * self._value, minlength=count)
            enough = total >= MIN_SECTOR_PX
            found = np.maximum(found, np.divide(summed, total, np.zeros(count), where=enough))
        return found

    def drift(self, count: int) -> FloatArray:
        """(count, 2): the mean of the directions, weighed by the values."""
        parts = [
            _mean(self._group, self._value * self._direction[:, axis], count) for axis in (0, 1)
        ]
        found: FloatArray = np.stack(parts, axis=1)
        return found


def _mean(group: npt.NDArray[np.int64], values: FloatArray, count: int) -> FloatArray:
    sizes = np.bincount(group, minlength=count)
    means: FloatArray = np.bincount(group, values, minlength=count) / np.maximum(sizes, 1)
    return means
