"""Whether images that arrived after the validation draw are unlike the validation images. Pure.

Validation is drawn once, from the images there are then. Each image of the pool has a distance to
the nearest validation image. If nothing has changed, the distances of the earlier and of the added
images have one distribution; if the added ones are farther, the validation images say less of them.
The test is that of Mann & Whitney 1947, one-sided, with the normal approximation and the
correction for ties. It takes images as independent, which those of one video are not: a new video
counts as a change, which it is. A change of how frequent kinds of images are, all of which
validation holds, is not found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]

LEAST_IMAGES = 20  # earlier ones and added ones; of fewer nothing is said
FAR_QUANTILE = 0.95  # an image is far if it is farther than so many of the earlier ones
LEVEL = 0.01  # of the test: it is made whenever images arrive
MANY_FAR = 2 * (1 - FAR_QUANTILE)  # a share that matters: twice what is expected
BLOCK = 4096  # images whose similarities are in memory at once


@dataclass(frozen=True, kw_only=True)
class ValidationDrift:
    """added, earlier, validation: numbers of images that were compared. far: share of the added
    images in [0, 1] that are farther from validation than 95 % of the earlier ones; 0.05 is
    expected. p: chance of distances as large or larger if nothing had changed. drifted: p below
    0.01 and far at least 0.1."""

    added: int
    earlier: int
    validation: int
    far: float
    p: float
    drifted: bool


def validation_drift(
    validation: FloatArray, earlier: FloatArray, added: FloatArray
) -> ValidationDrift | None:
    """Compare by embeddings, rows of unit length: (V, D), (E, D), (A, D).

    earlier, added: images of the pool, from before and after the draw; without near-duplicates of
    validation, on both sides alike. None without validation, and with fewer than 20 images of
    either. O((E + A)·V·D).
    """
    if not len(validation) or min(len(earlier), len(added)) < LEAST_IMAGES:
        return None
    before, after = _gaps(earlier, validation), _gaps(added, validation)
    far = float((after > np.quantile(before, FAR_QUANTILE)).mean())
    p = _chance_of_larger(after, before)
    return ValidationDrift(
        added=len(added),
        earlier=len(earlier),
        validation=len(validation),
        far=far,
        p=p,
        drifted=p < LEVEL and far >= MANY_FAR,
    )


def _gaps(embeddings: FloatArray, validation: FloatArray) -> Numbers:
    """(N,): one minus the cosine similarity to the nearest validation image."""
    nearest = [
        (embeddings[start : start + BLOCK] @ validation.T).max(axis=1)
        for start in range(0, len(embeddings), BLOCK)
    ]
    gaps: Numbers = 1 - np.concatenate(nearest).astype(np.float64)
    return gaps


def _chance_of_larger(after: Numbers, before: Numbers) -> float:
    """The one-sided p of Mann and Whitney for `after` being larger than `before`."""
    m, n = len(after), len(before)
    _, index, counts = np.unique(
        np.concatenate([after, before]), return_inverse=True, return_counts=True
    )
    mean_rank = np.cumsum(counts) - (counts - 1) / 2  # of each distinct value
    u = float(mean_rank[index[:m]].sum()) - m * (m + 1) / 2
    total = m + n
    ties = float((counts.astype(np.float64) ** 3 - counts).sum()) / (total * (total - 1))
    variance = m * n / 12 * (total + 1 - ties)
    if variance <= 0:  # all distances are the same
        return 1.0
    z = (u - m * n / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))
