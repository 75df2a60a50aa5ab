"""The losses: weighted cross-entropy on both scales (HRDA, equation 9) and Dice on labels.

Labels are (B, H, W) int64 with 255 = no label; weights are (B, H, W) in [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from daemon.domain import IGNORE
from daemon.hrda.heads import resized
from daemon.hrda.model import Logits


def cross_entropy(logits: Tensor, label: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over the labeled pixels, each times its weight; 0 where nothing is labeled."""
    logits = resized(logits.float(), label.shape[1:])
    loss = nn.functional.cross_entropy(logits, label, reduction="none", ignore_index=IGNORE)
    if weight is not None:
        loss = loss * weight
    return loss.sum() / (label != IGNORE).sum().clamp(min=1)


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


def two_scales(
    logits: Logits, label: Tensor, detail_share: float, weight: Tensor | None = None
) -> dict[str, Tensor]:
    """{"fused", "detail"}: (1 - share) CE(fused, label) and share CE(detail, label[box])."""
    part = logits.box.cut(weight) if weight is not None else None
    fused = cross_entropy(logits.fused, label, weight)
    detail = cross_entropy(logits.detail, logits.box.cut(label), part)
    return {"fused": (1 - detail_share) * fused, "detail": detail_share * detail}
