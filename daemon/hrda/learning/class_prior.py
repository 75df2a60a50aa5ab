"""Undo, in part, the class shares that a training was shown.

Rare class crops and class weights teach the rare classes, and teach that they are common:
the network then says "weed" too often. Logit adjustment (Menon et al., ICLR 2021) puts the true
shares back: as far as a class was seen on many images (README.md, "Measured").
"""

from __future__ import annotations

import torch
from torch import Tensor

from daemon.hrda.network.segmentor import Segmentor


def seen_enough(images: Tensor, half: int) -> Tensor:
    """(C,): n / (n + half) in [0, 1), how far the weight of a class has had its effect.

    images: (C,) how many labeled images hold the class. What is on a few images is soon learnt
    by heart, and then no weight in the loss moves the network any more (Byrd and Lipton, ICML
    2019): there is little to undo, and undoing all of it erases the class.
    """
    return images / (images + half).clamp(min=1)


def prior_bias(true: Tensor, taught: Tensor, power: Tensor | float = 1.0) -> Tensor:
    """(C,): power * log(true / taught), relative to the background.

    true, taught: (C,) shares of each class, those that hold and those that the network takes for
    true. A class without pixels in either gets 0. power: (C,) in [0, 1].
    """
    both = (true > 0) & (taught > 0)
    ratio = torch.where(both, true, 1.0).log() - torch.where(both, taught, 1.0).log()
    if both[0]:
        ratio = ratio - ratio[0]
    return torch.where(both, power * ratio, 0.0)


@torch.no_grad()
def correct_prior(net: Segmentor, bias: Tensor) -> None:
    """Add the bias to the logits for good: to both scales, so that the fusion passes it on."""
    net.decoder.conv_seg.bias.add_(bias)
