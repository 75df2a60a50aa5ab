"""What is known of each disagreement blob, as numbers, and what seems to be wrong there."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from daemon.audit.disagreement_blobs import TOUCHING_PX, Blobs, Probability, is_background
from daemon.audit.label_components import Components, FloatArray
from daemon.domain import Mask
from daemon.domain.label_findings import FindingType

TYPES = (
    FindingType.SWAP,
    FindingType.MISSING,
    FindingType.UNLABELED_PART,
    FindingType.OUTSIDE,
)
NAMES = (
    "mass",  # log of the mass by the root of the area
    "size",  # log of the area
    "gap",  # mass by area: mean probability of the model's class minus that of the label
    "confidence",  # mean probability of the model's class
    "surprise",  # 1 - softmin-like low quantile of the probability of the label
    "thickness",  # largest distance to the border of the blob, by the root of the area
    "covered",  # share of its component that it covers; 0 without one
    "owner_share",  # its area by that of the component it touches, at most 5
    "apart",  # log of the pixels to the nearest component
)


def types_of(blobs: Blobs) -> list[FindingType]:
    """What seems to be wrong at each blob."""
    label_background = is_background(blobs.labels)
    model_background = is_background(blobs.models)
    touching = blobs.distance <= TOUCHING_PX
    found = []
    for row in range(len(blobs)):
        if model_background[row]:
            found.append(FindingType.OUTSIDE)
        elif not label_background[row]:
            found.append(FindingType.SWAP)
        else:
            found.append(FindingType.UNLABELED_PART if touching[row] else FindingType.MISSING)
    return found


def blob_features(
    mask: Mask, probability: Probability, components: Components, blobs: Blobs
) -> FloatArray:
    """(n, len(NAMES)): the features of each blob."""
    count = len(blobs)
    if not count:
        return np.zeros((0, len(NAMES)))
    area = blobs.areas.astype(np.float64)
    rows = np.flatnonzero(blobs.ids)
    group = blobs.ids.ravel()[rows].astype(np.int64) - 1
    flat = probability.reshape(len(probability), -1)[:, rows]
    label = np.minimum(mask.ravel()[rows], len(probability) - 1).astype(np.int64)
    own = np.take_along_axis(flat, label[None], axis=0)[0].astype(np.float64)
    owner_area = np.concatenate([[np.inf], components.areas])[blobs.owners]
    covered = np.where(is_background(blobs.labels), 0, area / owner_area)
    columns = {
        "mass": np.log1p(blobs.mass / np.sqrt(area)),
        "size": np.log(area),
        "gap": blobs.mass / area,
        "confidence": np.bincount(group, flat.max(axis=0), minlength=count) / area,
        "surprise": 1 - np.sqrt(np.bincount(group, own**2, minlength=count) / area),
        "thickness": _thickness(blobs) / np.sqrt(area),
        "covered": covered,
        "owner_share": np.minimum(area / owner_area, 5),
        "apart": np.log1p(np.minimum(blobs.distance, 100)),
    }
    return np.stack([columns[name] for name in NAMES], axis=1)


def _thickness(blobs: Blobs) -> FloatArray:
    """(n,): the largest distance of a pixel of each blob to the blob's border."""
    found = np.zeros(len(blobs))
    for row, box in enumerate(blobs.slices):
        pixels = np.pad(blobs.ids[box] == row + 1, 1)
        found[row] = ndimage.distance_transform_edt(pixels).max()
    return found
