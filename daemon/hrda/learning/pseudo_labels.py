"""Pseudo-labels: what the teacher says of an unlabeled crop, and how far it is believed.

DACS (Tranheden et al., WACV 2021) has one confidence over the minibatch; ours is per class: with
98 % soil one over all pixels is near 1 however wrong the plants are. The prior alignment is
that of ReMixMatch (Berthelot et al., ICLR 2020), per pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from daemon.domain import IGNORE

RATIO_MOST = 4.0  # a class is never favoured or held back by more than this


@dataclass(frozen=True, kw_only=True)
class PseudoLabels:
    """label: (B, H, W) int64, 255 outside the image. weight: (B, H, W) in [0, 1].

    confidence: (C,) share of each class's pixels over its threshold, 0 for an absent class.
    share: (C,) mean probability of each class over the valid pixels.
    """

    label: Tensor
    weight: Tensor
    confidence: Tensor
    share: Tensor


def pseudo_labels(
    probability: Tensor, valid: Tensor, thresholds: Tensor, ratio: Tensor
) -> PseudoLabels:
    """Label, weight and statistics of (B, C, H, W) probabilities.

    A pixel is believed as far as its class is: w = q_k where its own confidence reaches tau_k,
    with q_k the share of the pixels predicted as k that do; 0 elsewhere. ratio: (C,), what the
    probabilities are multiplied by before, to follow the labeled class shares.
    """
    share = _mean_over(probability, valid)
    confidence, label = _aligned(probability, ratio).max(dim=1)
    sure = (confidence >= thresholds[label]) & valid
    classes = len(thresholds)
    counted = torch.bincount(label[valid], minlength=classes)
    over = torch.bincount(label[sure], minlength=classes)
    quality = over / counted.clamp(min=1)
    label = torch.where(valid, label, IGNORE)
    weight = torch.where(sure, quality[label.clamp(max=classes - 1)], 0.0)
    return PseudoLabels(label=label, weight=weight, confidence=quality, share=share)


def batch_pseudo_labels(
    probability: Tensor, valid: Tensor, thresholds: Tensor, ratio: Tensor
) -> PseudoLabels:
    """The same with one belief for all, as published: w = q on every valid pixel.

    q is the share of the valid pixels of the minibatch whose confidence reaches the threshold;
    a wrong pixel is believed as far as a right one.
    """
    confidence, label = _aligned(probability, ratio).max(dim=1)
    sure = (confidence >= thresholds[label]) & valid
    quality = sure.sum() / valid.sum().clamp(min=1)
    return PseudoLabels(
        label=torch.where(valid, label, IGNORE),
        weight=torch.where(valid, quality, 0.0),
        confidence=quality.expand(len(thresholds)),
        share=_mean_over(probability, valid),
    )


PSEUDO = {"class": pseudo_labels, "batch": batch_pseudo_labels}


def disbelieve_borders(weight: Tensor, top: int, bottom: int) -> Tensor:
    """(B, H, W) weights with 0 in the first `top` and the last `bottom` rows, a new tensor."""
    if not top and not bottom:
        return weight
    weight = weight.clone()
    weight[:, :top] = 0
    weight[:, max(0, weight.shape[1] - bottom) :] = 0
    return weight


def alignment(labeled: Tensor, predicted: Tensor, power: float) -> Tensor:
    """(labeled / predicted) ** power per class, within [1/4, 4]. Shares are (C,)."""
    ratio = (labeled.clamp(min=1e-4) / predicted.clamp(min=1e-4)) ** power
    return ratio.clamp(1 / RATIO_MOST, RATIO_MOST)


def _aligned(probability: Tensor, ratio: Tensor) -> Tensor:
    aligned = probability * ratio.view(1, -1, 1, 1)
    return aligned / aligned.sum(dim=1, keepdim=True)


def _mean_over(probability: Tensor, valid: Tensor) -> Tensor:
    inside = valid.unsqueeze(1).to(probability.dtype)
    return (probability * inside).sum(dim=(0, 2, 3)) / inside.sum().clamp(min=1)
