"""Undo, in part, the class shares that a training was shown.

Rare class crops and class weights teach the rare classes, and teach that they are common:
the network then says "weed" too often. Logit adjustment (Menon et al., ICLR 2021) puts the true
shares back. Half of the correction is best for IoU on both data sets that we tried (README.md).
"""

from __future__ import annotations

import torch
from torch import Tensor

from daemon.hrda.segmentor import Segmentor


def prior_bias(labeled: Tensor, trained: Tensor, power: float) -> Tensor:
    """(C,): power * log(labeled / trained), relative to the background.

    labeled, trained: (C,) shares of each class in the labels and in what the loss saw. A class
    without pixels in either gets 0.
    """
    both = (labeled > 0) & (trained > 0)
    ratio = torch.where(both, labeled, 1.0).log() - torch.where(both, trained, 1.0).log()
    if both[0]:
        ratio = ratio - ratio[0]
    return torch.where(both, power * ratio, 0.0)


@torch.no_grad()
def correct_prior(net: Segmentor, bias: Tensor) -> None:
    """Add the bias to the logits for good: to both scales, so that the fusion passes it on."""
    net.decoder.conv_seg.bias.add_(bias)
