"""Logit adjustment: move a finished model from the class prior it was trained on to another.

Rare class crops and class weights make a network learn rare classes, and make it predict them too
often. Adding log(prior / training prior) to the logits puts that right (Menon et al., ICLR 2021),
as far as the class is on enough images (METHOD.md).
"""

from __future__ import annotations

import torch
from torch import Tensor

from daemon.hrda.network.segmentor import Segmentor


def adjustment_strength(images: Tensor, half: int) -> Tensor:
    """(C,): n / (n + half) in [0, 1), the share of the adjustment that a class gets.

    images: (C,) how many labeled images hold the class. A class on few images is soon memorised,
    and then no weight in the loss moves the network any more (Byrd and Lipton, ICML 2019): there
    is little to undo, and undoing all of it erases the class. half: images at which it is a half.
    """
    return images / (images + half).clamp(min=1)


def logit_bias(prior: Tensor, trained: Tensor, power: Tensor | float = 1.0) -> Tensor:
    """(C,): power * log(prior / trained), relative to the background.

    prior, trained: (C,) class shares that hold and that the network was trained on; a class
    without pixels in either gets 0. power: a number or (C,), in [0, 1].
    """
    both = (prior > 0) & (trained > 0)
    ratio = torch.where(both, prior, 1.0).log() - torch.where(both, trained, 1.0).log()
    if both[0]:
        ratio = ratio - ratio[0]
    return torch.where(both, power * ratio, 0.0)


@torch.no_grad()
def adjust_logits(net: Segmentor, bias: Tensor) -> None:
    """Add the bias (C,) to the classifier of both scales, so that the fusion passes it on."""
    net.decoder.conv_seg.bias.add_(bias)
