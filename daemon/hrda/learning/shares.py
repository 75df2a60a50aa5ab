"""How common each class is: the labels say it roughly, the pool may correct them.

On 16 images a class of 1 % is 0.1 or 2 % as luck has it, and a network that was told 0.1 % finds
it nowhere. What the network says of unlabeled images holds the shares of these images: they are
found by expectation maximisation (Saerens, Latinne and Decaestecker, Neural Computation 14,
2002), one step with each minibatch. They are believed as far as the labels leave them open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

MEMORY = 0.98  # of the pool's shares, from one minibatch to the next


@dataclass(frozen=True, kw_only=True)
class LabeledShares:
    """What the labels say of each class, all (C,) float32.

    share: of the labeled pixels. images: how many labeled images hold the class. doubt: the
    standard error of `share` from image to image, relative to it; 0 for a class without pixels.
    """

    share: Tensor
    images: Tensor
    doubt: Tensor

    def to(self, device: torch.device) -> LabeledShares:
        """The same on a device."""
        return LabeledShares(**{name: part.to(device) for name, part in vars(self).items()})


def labeled_shares(pixels: npt.NDArray[np.int64]) -> LabeledShares:
    """From (L, C) pixels of each class in each labeled image; there must be some.

    The error is that of a ratio estimate (Cochran, Sampling Techniques, 1977, chapter 6); one
    image alone says nothing of the others, so its classes have a doubt of 1.
    """
    images, total = len(pixels), pixels.sum()
    share = pixels.sum(axis=0) / total
    if images > 1:
        residual = pixels - share * pixels.sum(axis=1, keepdims=True)
        error = np.sqrt(images / (images - 1) * (residual**2).sum(axis=0)) / total
    else:
        error = share
    doubt = np.divide(error, share, out=np.zeros_like(share), where=share > 0)
    parts = {"share": share, "images": (pixels > 0).sum(axis=0), "doubt": doubt}
    return LabeledShares(**{name: torch.from_numpy(part).float() for name, part in parts.items()})


class PoolShares:
    """The shares of the unlabeled images, learnt as the teacher looks at them.

    half: the doubt at which the pool's word counts as much as the labels'; 0: it never counts.
    share: (C,) its word so far. passes: how many minibatches have spoken.
    """

    def __init__(self, labels: LabeledShares, half: float) -> None:
        self.labels, self.half = labels, half
        self.share = labels.share.clone()
        self.passes = torch.zeros((), device=labels.share.device)

    def learn(self, probability: Tensor, valid: Tensor) -> None:
        """One step of expectation maximisation.

        probability: (B, C, H, W) of a network that takes the labels' shares for the true ones.
        valid: (B, H, W) bool. What is not finite teaches nothing.
        """
        ratio = torch.where(self.labels.share > 0, self.share / self.labels.share, 0.0)
        share = mean_over(scaled(probability, ratio), valid)
        if valid.any() and torch.isfinite(share).all():
            self.share.lerp_(share, 1 - MEMORY)
            self.passes += 1

    def trust(self) -> Tensor:
        """(C,) in [0, 1): how far the pool corrects each class: d^2 / (d^2 + half^2)."""
        doubt = self.labels.doubt**2
        settled = 1 - MEMORY**self.passes
        return settled * doubt / (doubt + self.half**2)

    def believed(self) -> Tensor:
        """(C,), sums to 1: labeled * (pool / labeled) ** trust; 0 stays 0."""
        labeled = self.labels.share
        if not self.half or not self.passes:
            return labeled
        ratio = torch.where(labeled > 0, self.share / labeled, 1.0)
        share = labeled * ratio ** self.trust()
        return share / share.sum()


def scaled(probability: Tensor, ratio: Tensor) -> Tensor:
    """(B, C, H, W) probabilities times (C,) ratios, summing to 1 again."""
    probability = probability * ratio.view(1, -1, 1, 1)
    return probability / probability.sum(dim=1, keepdim=True)


def mean_over(probability: Tensor, valid: Tensor) -> Tensor:
    """(C,): the mean of (B, C, H, W) over the valid pixels."""
    inside = valid.unsqueeze(1).to(probability.dtype)
    return (probability * inside).sum(dim=(0, 2, 3)) / inside.sum().clamp(min=1)
