"""What the walk compares neighbours by: colour, and how green it is."""

from __future__ import annotations

import enum

import cv2
import numpy as np

from daemon.clicks.click import FloatMap, Picture

LAB_SIGMA, GREEN_SIGMA = 0.8, 1.0  # pixels of the crop
GREEN_WEIGHT = 2.0


class WalkFeatures(enum.StrEnum):
    """LAB: for any images. PLANTS: with the excess green index, for plants on soil."""

    LAB = "lab"
    PLANTS = "plants"


def features_of(picture: Picture, kind: WalkFeatures) -> FloatMap:
    """(H, W, 3 or 4): Lab with L in 0..1; the excess green index 2 G - R - B of colours in 0..1.

    Woebbecke et al., Color indices for weed identification, Transactions of the ASAE 1995.
    """
    colour = picture.astype(np.float32) / 255
    lab = cv2.GaussianBlur(cv2.cvtColor(colour, cv2.COLOR_RGB2LAB) / 100, (0, 0), LAB_SIGMA)
    if kind is WalkFeatures.LAB:
        return np.asarray(lab, np.float32)
    excess = 2 * colour[..., 1] - colour[..., 0] - colour[..., 2]
    green = GREEN_WEIGHT * cv2.GaussianBlur(excess, (0, 0), GREEN_SIGMA)
    return np.dstack([lab, green]).astype(np.float32)
