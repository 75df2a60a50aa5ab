"""Which images an iteration sees: a pure function of the seed and the position.

Nothing is remembered, so a training that is resumed sees what it would have seen. Rare class
sampling: DAFormer, equation 10.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

# streams of one seed
LABELED, LABELED_EPOCH, UNLABELED, UNLABELED_EPOCH, ITERATION, LOOK = range(6)


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One place of a minibatch: which image, and the seed of its crop.

    wanted: the class that the crop must hold, or None.
    """

    image: int
    seed: int
    wanted: int | None = None


def stream(seed: int, *path: int) -> np.random.Generator:
    """An independent generator for each path."""
    return np.random.default_rng([seed % 2**63, *path])


def number_of(seed: int, *path: int) -> int:
    """63 bits that depend on all of the path."""
    text = "/".join(str(part) for part in (seed, *path)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def seed_all(seed: int) -> None:
    """Start every global generator anew: torch (all devices), numpy and random."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries below draw from it
    random.seed(seed)


class Sampler:
    """Position -> Draw, for ever.

    pixels: (L, C) pixels of each class in each labeled image. pool: how many unlabeled images.
    rare: probability of a draw for a class, among the images with more than `over` pixels of
    it. Each image comes once per epoch otherwise.
    """

    def __init__(
        self,
        pixels: npt.NDArray[np.int64],
        pool: int,
        seed: int,
        rare: float,
        temperature: float,
        over: int = 15,
    ) -> None:
        self.holds = pixels > over
        self.pool, self.seed, self.rare = pool, seed, rare
        share = pixels.sum(axis=0) / max(1, int(pixels.sum()))
        self.class_probability = rare_class_probability(share, temperature)
        self.class_probability[~self.holds.any(axis=0)] = 0
        total = self.class_probability.sum()
        if total == 0:
            self.rare = 0.0
        else:
            self.class_probability /= total

    def labeled(self, position: int) -> Draw:
        """What the labeled place `position` (iteration * minibatch + row) holds."""
        rng = stream(self.seed, LABELED, position)
        image, wanted = _of_epoch(len(self.holds), position, self.seed, LABELED_EPOCH), None
        if rng.random() < self.rare:
            wanted = int(rng.choice(len(self.class_probability), p=self.class_probability))
            image = int(rng.choice(np.flatnonzero(self.holds[:, wanted])))
        return Draw(image=image, seed=int(rng.integers(2**63)), wanted=wanted)

    def unlabeled(self, position: int) -> Draw:
        """What the unlabeled place `position` holds; there must be unlabeled images."""
        image = _of_epoch(self.pool, position, self.seed, UNLABELED_EPOCH)
        return Draw(image=image, seed=number_of(self.seed, UNLABELED, position))


def rare_class_probability(
    share: npt.NDArray[np.float64], temperature: float
) -> npt.NDArray[np.float64]:
    """softmax((1 - share) / T) over the classes. share: (C,), sums to 1."""
    weight = np.exp((share.min() - share) / temperature)
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def _of_epoch(count: int, position: int, seed: int, name: int) -> int:
    epoch, row = divmod(position, count)
    return int(stream(seed, name, epoch).permutation(count)[row])
