"""Pseudo-labels: the teacher's classes of unlabeled crops, and the weight of each pixel.

DACS (Tranheden et al., WACV 2021) has one weight for the whole minibatch; ours is per class: with
98 % soil a weight over all pixels is near 1 however wrong the plants are. The distribution
alignment is that of ReMixMatch (Berthelot et al., ICLR 2020), per pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from daemon.config.learner import Settings
from daemon.domain import IGNORE
from daemon.hrda.learning.class_counts import class_counts

MAX_RATIO = 4.0  # of the distribution alignment, up or down


@dataclass(frozen=True, kw_only=True)
class PseudoLabels:
    """label: (B, H, W) int64, 255 outside the image. weight: (B, H, W) in [0, 1].

    confidence: (C,) share of each class's pixels that reach its threshold, 0 for an absent class.
    share: (C,) mean probability of each class over the valid pixels.
    """

    label: Tensor
    weight: Tensor
    confidence: Tensor
    share: Tensor


def class_pseudo_labels(
    probability: Tensor, valid: Tensor, thresholds: Tensor, ratio: Tensor
) -> PseudoLabels:
    """From (B, C, H, W) probabilities, with a weight for each class.

    w = q_k where the confidence of the pixel reaches tau_k, and 0 elsewhere; q_k is the share of
    the pixels predicted as class k that do. valid: (B, H, W) bool. thresholds: (C,) tau. ratio:
    (C,), by which the probabilities are multiplied before.
    """
    share = mean_over(probability, valid)
    confidence, label = aligned(probability, ratio).max(dim=1)
    confident = (confidence >= thresholds[label]) & valid
    classes = len(thresholds)
    predicted = class_counts(label, classes, valid)
    over = class_counts(label, classes, confident)
    quality = over / predicted.clamp(min=1)
    label = torch.where(valid, label, IGNORE)
    weight = torch.where(confident, quality[label.clamp(max=classes - 1)], 0.0)
    return PseudoLabels(label=label, weight=weight, confidence=quality, share=share)


def batch_pseudo_labels(
    probability: Tensor, valid: Tensor, thresholds: Tensor, ratio: Tensor
) -> PseudoLabels:
    """The same with one weight for all, as published: w = q on every valid pixel.

    q is the share of the valid pixels of the minibatch whose confidence reaches the threshold;
    a wrong pixel weighs as much as a right one.
    """
    confidence, label = aligned(probability, ratio).max(dim=1)
    confident = (confidence >= thresholds[label]) & valid
    quality = confident.sum() / valid.sum().clamp(min=1)
    return PseudoLabels(
        label=torch.where(valid, label, IGNORE),
        weight=torch.where(valid, quality, 0.0),
        confidence=quality.expand(len(thresholds)),
        share=mean_over(probability, valid),
    )


PSEUDO_LABELERS = {"class": class_pseudo_labels, "batch": batch_pseudo_labels}


def confidence_thresholds(settings: Settings, classes: int) -> Tensor:
    """(C,): the confidence that a pixel of each class has to reach, in [0, 1]."""
    thresholds = torch.full((classes,), settings.threshold_foreground)
    thresholds[0] = settings.threshold_background
    return thresholds


def without_border_rows(weight: Tensor, top: int, bottom: int) -> Tensor:
    """(B, H, W) weights with 0 in the first `top` and the last `bottom` rows, a new tensor."""
    if not top and not bottom:
        return weight
    weight = weight.clone()
    weight[:, :top] = 0
    weight[:, max(0, weight.shape[1] - bottom) :] = 0
    return weight


def distribution_alignment(labeled: Tensor, predicted: Tensor, power: float) -> Tensor:
    """(labeled / predicted) ** power per class, within [1/4, 4]. Shares are (C,)."""
    ratio = (labeled.clamp(min=1e-4) / predicted.clamp(min=1e-4)) ** power
    return ratio.clamp(1 / MAX_RATIO, MAX_RATIO)


def aligned(probability: Tensor, ratio: Tensor) -> Tensor:
    """(B, C, H, W) probabilities times the (C,) ratio, summing to 1 again over the classes."""
    scaled = probability * ratio.view(1, -1, 1, 1)
    return scaled / scaled.sum(dim=1, keepdim=True)


def mean_over(probability: Tensor, valid: Tensor) -> Tensor:
    """(C,): the mean of (B, C, H, W) probabilities over the valid pixels, (B, H, W) bool."""
    inside = valid.unsqueeze(1).to(probability.dtype)
    return (probability * inside).sum(dim=(0, 2, 3)) / inside.sum().clamp(min=1)
