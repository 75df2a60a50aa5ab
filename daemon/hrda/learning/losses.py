"""The losses: weighted cross-entropy on both scales (HRDA, equation 9) and Dice on labels.

Labels are (B, H, W) int64 with 255 = no label; weights are (B, H, W) in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from daemon.domain import IGNORE
from daemon.hrda.network.heads import resized
from daemon.hrda.network.segmentor import Logits

WEIGHT_MOST = 10.0  # of a class against the most frequent one


def class_weights(share: Tensor, power: float) -> Tensor:
    """(C,): (largest share / share) ** power, at most 10; a class without pixels counts 1.

    share: (C,) of the labeled pixels. power 0: all alike; 1: inverse frequency.
    """
    weights = ((share.max() / share.clamp(min=1e-6)) ** power).clamp(max=WEIGHT_MOST)
    return torch.where(share > 0, weights, torch.ones_like(weights))


def cross_entropy(
    logits: Tensor,
    label: Tensor,
    classes: Tensor,
    weight: Tensor | None = None,
    over: str = "labeled",
) -> Tensor:
    """Mean over the labeled pixels, each as heavy as its class; 0 where nothing is labeled.

    classes: (C,) weights. weight: belief in each pixel; it is not in the denominator, so that
    a crop that is hardly believed teaches little. over "all": the mean is over every pixel,
    ignored ones too and all as heavy, as in mmseg (`avg_non_ignore=False`).
    """
    logits = resized(logits.float(), label.shape[1:])
    loss = nn.functional.cross_entropy(
        logits, label, classes, reduction="none", ignore_index=IGNORE
    )
    if weight is not None:
        loss = loss * weight
    if over == "all":
        return loss.mean()
    labeled = label != IGNORE
    heaviness = classes[torch.where(labeled, label, 0)] * labeled
    return loss.sum() / heaviness.sum().clamp(min=1)


def dice(logits: Tensor, label: Tensor) -> Tensor:
    """1 - Dice coefficient, mean over the foreground classes that the labels hold, or 0.

    Sums run over the minibatch, so a crop without a plant does not count as a failure.
    Milletari et al., V-Net, 2016, with the squared denominator.
    """
    logits = resized(logits.float(), label.shape[1:])
    probability = logits.softmax(dim=1) * (label != IGNORE).unsqueeze(1)
    parts = []
    for index in range(1, logits.shape[1]):
        truth = (label == index).float()
        if truth.any():
            p = probability[:, index]
            parts.append(1 - (2 * (p * truth).sum() + 1) / ((p * p).sum() + truth.sum() + 1))
    return torch.stack(parts).mean() if parts else logits.sum() * 0


@dataclass(frozen=True, kw_only=True)
class Law:
    """How the losses of the scales are counted: their shares and the pixels of the mean.

    detail, context: share of the loss that each has on its own; the rest is the fused map's.
    """

    detail: float
    context: float = 0.0
    over: str = "labeled"


def two_scales(
    logits: Logits,
    label: Tensor,
    law: Law,
    classes: Tensor,
    weight: Tensor | None = None,
) -> dict[str, Tensor]:
    """{"fused", "detail"} and, where it has a share, "context": that share times CE.

    The detail is held against label[box], the context as it is before the attention takes
    its part: the original multiplies it by 1 - a first, and so teaches an attenuated map.
    """
    part = logits.box.cut(weight) if weight is not None else None
    fused = cross_entropy(logits.fused, label, classes, weight, law.over)
    detail = cross_entropy(logits.detail, logits.box.cut(label), classes, part, law.over)
    losses = {"fused": (1 - law.detail - law.context) * fused, "detail": law.detail * detail}
    if law.context:
        context = cross_entropy(logits.context, label, classes, weight, law.over)
        losses["context"] = law.context * context
    return losses
