"""Which images an iteration trains on: a pure function of the seed and the position.

No state is kept, so a resumed training draws what it would have drawn. Rare class sampling:
DAFormer, equation 10.
"""

from __future__ import annotations

import functools
import hashlib
import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

# independent random streams of one seed
LABELED, LABELED_EPOCH, UNLABELED, UNLABELED_EPOCH, ITERATION, POOL_SAMPLE = range(6)
SECOND_ROUND = 6


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One crop of a minibatch: its image and its seed.

    image: index into the labeled or unlabeled images. required_class: that the crop must hold, or
    None.
    """

    image: int
    seed: int
    required_class: int | None = None


def stream(seed: int, *path: int) -> np.random.Generator:
    """An independent generator for each path."""
    return np.random.default_rng([seed % 2**63, *path])


def derived_seed(seed: int, *path: int) -> int:
    """A seed of 63 bits that depends on `seed` and the whole path."""
    text = "/".join(str(part) for part in (seed, *path)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def seed_all(seed: int) -> None:
    """Seed all global generators: torch (every device), numpy and random."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries below draw from it
    random.seed(seed)


class Sampler:
    """Position -> Draw, without end.

    pixels: (L, C) pixels of each class in each labeled image. pool: number of unlabeled images.
    rare_class: probability that a crop is drawn for a class, among the images with more than
    min_pixels of it; otherwise each image comes once per epoch. temperature: of the class draw.
    """

    def __init__(
        self,
        pixels: npt.NDArray[np.int64],
        pool: int,
        seed: int,
        rare_class: float,
        temperature: float,
        min_pixels: int = 15,
    ) -> None:
        self.holds = pixels > min_pixels
        self.pool, self.seed, self.rare_class = pool, seed, rare_class
        share = pixels.sum(axis=0) / max(1, int(pixels.sum()))
        self.class_probability = rare_class_probability(share, temperature)
        self.class_probability[~self.holds.any(axis=0)] = 0
        total = self.class_probability.sum()
        if total == 0:
            self.rare_class = 0.0
        else:
            self.class_probability /= total

    def labeled(self, position: int) -> Draw:
        """The labeled crop at `position`: iteration * minibatch + row."""
        rng = stream(self.seed, LABELED, position)
        image, required_class = _of_epoch(len(self.holds), position, self.seed, LABELED_EPOCH), None
        if rng.random() < self.rare_class:
            required_class = int(rng.choice(len(self.class_probability), p=self.class_probability))
            image = int(rng.choice(np.flatnonzero(self.holds[:, required_class])))
        return Draw(image=image, seed=int(rng.integers(2**63)), required_class=required_class)

    def unlabeled(self, position: int) -> Draw:
        """The unlabeled crop at `position`; there must be unlabeled images."""
        image = _of_epoch(self.pool, position, self.seed, UNLABELED_EPOCH)
        return Draw(image=image, seed=derived_seed(self.seed, UNLABELED, position))


def rare_class_probability(
    share: npt.NDArray[np.float64], temperature: float
) -> npt.NDArray[np.float64]:
    """(C,): softmax((1 - share) / T) over the classes. share: (C,), sums to 1."""
    weight = np.exp((share.min() - share) / temperature)
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def _of_epoch(count: int, position: int, seed: int, name: int) -> int:
    epoch, row = divmod(position, count)
    return int(_order(count, seed, name, epoch)[row])


@functools.lru_cache(maxsize=4)  # of a pool of a million, 8 MB each
def _order(count: int, seed: int, name: int, epoch: int) -> npt.NDArray[np.int64]:
    """(count,): the order of the images in an epoch."""
    return stream(seed, name, epoch).permutation(count)
