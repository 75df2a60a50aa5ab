"""Which side of a mask the colour of a pixel looks like."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.clicks.click import FloatMap, Picture
from daemon.clicks.click_window import BoolMap

RIDGE = 1e-4  # added to variances of colours in 0..1: flat colours have none
LEAST_PX = 5  # of each side; from fewer nothing is said


def colour_likeness(picture: Picture, inside: BoolMap, outside: BoolMap) -> FloatMap:
    """(H, W): by how much, in logits, each colour is likelier inside than outside; all 0 where a
    side has fewer than LEAST_PX pixels.

    picture: (H, W, 3). Colours of both sides are taken as normal with one covariance: Fisher, The
    use of multiple measurements in taxonomic problems, Annals of Eugenics 1936.
    """
    colours = picture.astype(np.float32) / 255
    if min(np.count_nonzero(inside), np.count_nonzero(outside)) < LEAST_PX:
        return np.zeros(inside.shape, np.float32)
    sides = [colours[side].astype(np.float64) for side in (inside, outside)]
    means = [side.mean(axis=0) for side in sides]
    squares = sum(_squares(side - mean) for side, mean in zip(sides, means, strict=True))
    covariance = squares / sum(map(len, sides)) + RIDGE * np.eye(3)
    direction = np.linalg.solve(covariance, means[0] - means[1])
    found = np.einsum("ijk,k->ij", colours - (means[0] + means[1]) / 2, direction)
    return np.asarray(found, np.float32)


def _squares(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(3, 3): without BLAS, whose sums depend on the number of its threads."""
    return np.asarray(np.einsum("ij,ik->jk", values, values), np.float64)
