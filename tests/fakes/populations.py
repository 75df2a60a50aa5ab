"""Populations of images with a model's confusion matrices, whose mIoU over all of them is known.

An image has a share of each class (lognormal, or none of it) and a difficulty of its own; the
model finds a part of each class (logistic in both) and spills some background into others. The
shares of `soy` and `weeds` are those of two public sets of labeled field images; the others are
made up, so that a method is not fitted to two cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Counts = npt.NDArray[np.int64]
PIXELS = 384 * 384
ALIKE = 0.8  # weight of what the images of a group share, where there are groups


@dataclass(frozen=True, kw_only=True)
class Population:
    """presence: share of the images that hold each class. share: mean of the pixels there.
    log_sd: of that share. skill: logit of the part that the model finds. image_sd, class_sd: its
    spread over images and over classes in an image. spill: share of background that is lost."""

    presence: tuple[float, ...]
    share: tuple[float, ...]
    log_sd: tuple[float, ...]
    skill: tuple[float, ...]
    image_sd: float = 0.8
    class_sd: float = 0.8
    spill: float = 0.02

    def matrices(
        self, images: int, rng: np.random.Generator, group_size: int = 1
    ) -> tuple[Counts, npt.NDArray[np.int64]]:
        """(N, C, C) pixels by (truth, prediction), and the group of each image (N,)."""
        groups = np.arange(images) // group_size
        shares = self._shares(groups, rng)
        difficulty = _normal(groups, (images, 1), rng)
        own = self.class_sd * rng.standard_normal((images, len(self.presence)))
        found = special.expit(np.array(self.skill) + self.image_sd * difficulty + own)
        leak = np.exp(-0.7 * difficulty + 0.8 * rng.standard_normal((images, 1)))
        found[:, :1] = 1 - np.minimum(0.5, self.spill * leak)
        return _confusions(shares, found, np.array(self.share), rng), groups

    def _shares(
        self, groups: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> npt.NDArray[np.float64]:
        size = (len(groups), len(self.presence))
        log_sd = np.array(self.log_sd)
        there = rng.random(size) < np.array(self.presence)
        drawn = np.exp(log_sd * _normal(groups, size, rng) - log_sd**2 / 2)
        shares = there * np.minimum(0.6, np.array(self.share) * drawn)
        shares[:, 0] = 0
        shares /= np.maximum(1, shares.sum(axis=1) / 0.95)[:, None]
        shares[:, 0] = 1 - shares.sum(axis=1)
        return shares


def _normal(
    groups: npt.NDArray[np.int64], size: tuple[int, int], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Standard normal; images of a group are alike."""
    own = rng.standard_normal(size)
    if len(np.unique(groups)) == len(groups):
        return own
    shared = rng.standard_normal((int(groups.max()) + 1, size[1]))[groups]
    return np.asarray(ALIKE * shared + np.sqrt(1 - ALIKE**2) * own)


def _confusions(
    shares: npt.NDArray[np.float64],
    found: npt.NDArray[np.float64],
    common: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> Counts:
    """What is not found is taken for other classes, common ones more often."""
    images, classes = shares.shape
    matrices = np.zeros((images, classes, classes))
    for row in range(classes):
        taken = np.maximum(common / common.sum(), 0.02) * np.exp(
            0.7 * rng.standard_normal((images, classes))
        )
        taken[:, row] = 0
        lost = shares[:, row] * (1 - found[:, row])
        matrices[:, row] = lost[:, None] * taken / taken.sum(axis=1, keepdims=True)
        matrices[:, row, row] = shares[:, row] * found[:, row]
    return np.asarray(np.round(matrices * PIXELS), np.int64)


# The method was chosen on these ...
CHOSEN_ON = {
    "soy": Population(
        presence=(1, 1, 0.365), share=(0.83, 0.154, 0.033), log_sd=(0, 1.13, 1.35),
        skill=(0, 1.6, 0.3), image_sd=0.7,
    ),
    "weeds": Population(
        presence=(1, 1, 0.98), share=(0.93, 0.016, 0.058), log_sd=(0, 0.7, 0.78),
        skill=(0, 1.0, 1.8), image_sd=0.6, class_sd=0.6, spill=0.01,
    ),
    "two_classes": Population(
        presence=(1, 0.9), share=(0.9, 0.1), log_sd=(0, 0.9), skill=(0, 1.5)
    ),
    "poor_model": Population(
        presence=(1, 1, 0.6), share=(0.8, 0.1, 0.05), log_sd=(0, 1.1, 1.2),
        skill=(0, -0.5, -1.5), image_sd=0.9, class_sd=0.9, spill=0.08,
    ),
    "one_class_in_a_tenth": Population(
        presence=(1, 0.95, 0.1), share=(0.8, 0.12, 0.03), log_sd=(0, 0.9, 1.0),
        skill=(0, 1.8, 0.0), class_sd=1.0, spill=0.01,
    ),
}  # fmt: skip
# ... and then counted on these too.
CHECKED_ON = {
    "good_model": Population(
        presence=(1, 0.95, 0.7), share=(0.8, 0.12, 0.06), log_sd=(0, 0.8, 0.9),
        skill=(0, 4.0, 3.0), image_sd=0.7, class_sd=0.7, spill=0.003,
    ),
    "eight_classes": Population(
        presence=(1, 1, 0.95, 0.8, 0.6, 0.4, 0.25, 0.12),
        share=(0.3, 0.25, 0.15, 0.1, 0.08, 0.05, 0.03, 0.02),
        log_sd=(0, 0.5, 0.6, 0.8, 0.9, 1.0, 1.0, 1.1),
        skill=(0, 3, 2.5, 2, 1.5, 1, 0.5, 0), image_sd=0.6, class_sd=0.7,
    ),
    "easy_and_hard_images": Population(
        presence=(1, 1, 0.5), share=(0.7, 0.25, 0.05), log_sd=(0, 1.3, 1.3),
        skill=(0, 2, 0.5), image_sd=1.3, class_sd=0.6, spill=0.03,
    ),
    "two_classes_one_in_a_tenth": Population(
        presence=(1, 0.1), share=(0.97, 0.03), log_sd=(0, 1.0), skill=(0, 0.7), class_sd=1.0,
        spill=0.003,
    ),
    "four_even_classes": Population(
        presence=(1, 0.8, 0.8, 0.8), share=(0.4, 0.2, 0.2, 0.2), log_sd=(0, 0.8, 0.8, 0.8),
        skill=(0, 1.5, 1.5, 1.5), class_sd=0.6,
    ),
}  # fmt: skip
