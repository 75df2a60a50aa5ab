"""The suspicious places of one label: its components and the blobs of disagreement, as rows.

Nothing of the size of the image is kept: numbers, boxes and small pictures only.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from daemon.audit import blob_features, component_features
from daemon.audit.disagreement_blobs import Blobs, Probability, blobs_of
from daemon.audit.label_components import (
    Components,
    FloatArray,
    IdMap,
    Slices,
    components_of,
    neighbourhood,
)
from daemon.audit.planting import Planted, PlantedMask
from daemon.domain import Mask
from daemon.domain.label_findings import FindingType

MIN_COMPONENT_PX = 60
MAX_COMPONENTS, MAX_BLOBS = 1000, 50  # rows of an image; the largest and the heaviest
MAX_PICTURES = 30  # of an image
MAX_PICTURE_BYTES = 2048
CLEAN, UNCLEAR = 0, -1  # truth of a row; 1 + i is the i-th kind of Planted
HIT, MISS = 0.5, 0.1  # share of the pixels of a row that a planted error changed
KINDS = tuple(Planted)
TYPES = tuple(FindingType)
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Suspects of one kind, (N,) each.

    image: number of the image within the audit. features: (N, F). labeled, proposed: class in the
    label and the one that the model prefers. type: index of a FindingType. owner: of a blob the
    number of its component among the rows of the image; -1 for none, and for components. area:
    pixels. box: (N, 4), yxyx. truth: CLEAN, UNCLEAR or 1 + kind of the planted error. error: number
    of that error in its image, 0 for none. pictures: masks as `Finding.mask_png`.
    """

    image: IntArray
    features: FloatArray
    labeled: IntArray
    proposed: IntArray
    type: IntArray
    owner: IntArray
    area: IntArray
    box: IntArray
    truth: IntArray
    error: IntArray
    pictures: npt.NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.image)

    def at(self, rows: npt.NDArray[np.generic]) -> Rows:
        """Some of the rows, by number or by a mask (N,)."""
        return Rows(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows of several images. Raises ValueError for none."""
    return Rows(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Rows)
        }
    )


@dataclass(frozen=True, kw_only=True)
class Suspects:
    """The suspicious places of one label."""

    components: Rows
    blobs: Rows


def suspects_of(
    image: int,
    mask: Mask,
    probability: Probability,
    tolerance_px: int,
    planted: PlantedMask | None = None,
) -> Suspects:
    """Compare a label with the model's view of the image.

    image: its number within the audit. mask: (H, W), class indices. probability: (C, H, W), of a
    model that did not train on the image. tolerance_px: how far borders may differ. planted: how
    the mask was made, if errors were planted in it; then the rows have a truth.
    """
    components = components_of(mask)
    near = neighbourhood(mask, components)
    blobs = blobs_of(mask, probability, components, near, tolerance_px)
    numbers = component_features.component_features(mask, probability, components, near, blobs)
    keep = _largest(components)
    owners = np.full(len(components) + 1, -1)
    owners[keep + 1] = np.arange(len(keep))
    found = Suspects(
        components=_component_rows(image, probability, components, numbers, planted).at(keep),
        blobs=_blob_rows(image, mask, probability, components, blobs, owners, planted),
    )
    return found


def _largest(components: Components) -> IntArray:
    """The components that are large enough, at most MAX_COMPONENTS of them, in their order."""
    large = np.flatnonzero(components.areas >= MIN_COMPONENT_PX)
    order = np.argsort(-components.areas[large], kind="stable")[:MAX_COMPONENTS]
    return np.sort(large[order])


def _component_rows(
    image: int,
    probability: Probability,
    components: Components,
    numbers: FloatArray,
    planted: PlantedMask | None,
) -> Rows:
    truth, error = _truth(components.ids, len(components), planted, footprint=True)
    doubt = numbers[:, 0] + numbers[:, component_features.NAMES.index("ring_peak")]
    return _rows(
        image=image,
        features=numbers,
        labeled=components.classes,
        proposed=_preferred(probability, components),
        type=np.full(len(components), TYPES.index(FindingType.OUTSIDE)),
        owner=np.full(len(components), -1),
        area=components.areas,
        slices=components.slices,
        truth=truth,
        error=error,
        pictures=_pictures(components.ids, components.slices, doubt),
    )


def _blob_rows(
    image: int,
    mask: Mask,
    probability: Probability,
    components: Components,
    blobs: Blobs,
    owners: IntArray,
    planted: PlantedMask | None,
) -> Rows:
    truth, error = _truth(blobs.ids, len(blobs), planted, footprint=False)
    types = [TYPES.index(found) for found in blob_features.types_of(blobs)]
    rows = _rows(
        image=image,
        features=blob_features.blob_features(mask, probability, components, blobs),
        labeled=blobs.labels,
        proposed=blobs.models,
        type=np.asarray(types, np.int64),
        owner=owners[blobs.owners],
        area=blobs.areas,
        slices=blobs.slices,
        truth=truth,
        error=error,
        pictures=_pictures(blobs.ids, blobs.slices, blobs.mass),
    )
    return rows.at(np.sort(np.argsort(-blobs.mass, kind="stable")[:MAX_BLOBS]))


def _rows(*, image: int, slices: list[Slices], **columns: npt.NDArray[np.generic]) -> Rows:
    box = [(y.start, x.start, y.stop, x.stop) for y, x in slices]
    return Rows(
        image=np.full(len(slices), image, np.int64),
        box=np.asarray(box, np.int64).reshape(-1, 4),
        **columns,  # type: ignore[arg-type]
    )


def _preferred(probability: Probability, components: Components) -> IntArray:
    """(n,): the most probable class inside each component, other than that of its label."""
    rows = np.flatnonzero(components.ids)
    group = components.ids.ravel()[rows].astype(np.int64) - 1
    flat = probability.reshape(len(probability), -1)[:, rows]
    sums = np.stack([np.bincount(group, part, minlength=len(components)) for part in flat], axis=1)
    if not len(components):
        return np.zeros(0, np.int64)
    known = components.classes < len(probability)
    sums[np.flatnonzero(known), components.classes[known]] = -1
    found: IntArray = sums.argmax(axis=1)
    return found


def _truth(
    ids: IdMap, count: int, planted: PlantedMask | None, *, footprint: bool
) -> tuple[IntArray, IntArray]:
    """(n,) each: what was planted at each row, and the number of the error.

    footprint: whether all pixels of a planted object count, else only those that were changed.
    """
    if planted is None or not count or not planted.errors:
        known = np.full(count, UNCLEAR if planted is None else CLEAN)
        return known, np.zeros(count, np.int64)
    where = planted.footprint if footprint else np.where(planted.changed, planted.footprint, 0)
    rows = np.flatnonzero(ids)
    group = ids.ravel()[rows].astype(np.int64) - 1
    votes = np.zeros((count, len(planted.errors) + 1))
    np.add.at(votes, (group, where.ravel()[rows]), 1)
    share = votes[:, 1:] / votes.sum(axis=1, keepdims=True)
    best, most = share.argmax(axis=1), share.max(axis=1)
    kinds = np.asarray([1 + KINDS.index(kind) for kind in planted.errors])
    truth = np.where(most >= HIT, kinds[best], np.where(most > MISS, UNCLEAR, CLEAN))
    return truth, np.where(most >= HIT, best + 1, 0)


def _pictures(ids: IdMap, slices: list[Slices], weight: FloatArray) -> npt.NDArray[np.object_]:
    """(n,): the heaviest rows as pictures, "" for the others."""
    found = np.full(len(slices), "", dtype=object)
    for row in np.argsort(-weight, kind="stable")[:MAX_PICTURES]:
        found[row] = mask_picture(ids[slices[row]] == row + 1)
    return found


def mask_picture(pixels: npt.NDArray[np.bool_]) -> str:
    """A 1-bit PNG of these pixels (h, w), base64; "" if it is larger than MAX_PICTURE_BYTES."""
    out = io.BytesIO()
    Pillow.fromarray(pixels).convert("1").save(out, format="PNG", optimize=True)
    content = out.getvalue()
    return base64.b64encode(content).decode() if len(content) <= MAX_PICTURE_BYTES else ""
