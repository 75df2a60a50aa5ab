"""The losses: weighted cross-entropy on both scales (HRDA, equation 9) and Dice on labels.

Labels are (B, H, W) int64 with 255 = no label; pixel weights are (B, H, W) in [0, 1]; class
weights are (C,).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from daemon.config.learner import Settings
from daemon.domain import IGNORE
from daemon.hrda.network.heads import resize
from daemon.hrda.network.segmentor import Logits

MAX_CLASS_WEIGHT = 10.0  # against the most frequent class


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """How the losses of the scales are added up.

    detail, context: share of the loss of each, in [0, 1]; the rest is the fused map's. mean_over:
    the pixels of the denominator, see `cross_entropy`.
    """

    detail: float
    context: float = 0.0
    mean_over: str = "labeled"

    @classmethod
    def of(cls, settings: Settings) -> LossWeights:
        """As the settings say."""
        return cls(
            detail=settings.detail_loss,
            context=settings.context_loss,
            mean_over=settings.loss_over,
        )


def class_weights(share: Tensor, power: float) -> Tensor:
    """(C,): (largest share / share) ** power, at most 10; a class without pixels gets 1.

    share: (C,) of the labeled pixels. power 0: all equal; 1: inverse frequency.
    """
    weights = ((share.max() / share.clamp(min=1e-6)) ** power).clamp(max=MAX_CLASS_WEIGHT)
    return torch.where(share > 0, weights, torch.ones_like(weights))


def hrda_loss(
    logits: Logits,
    label: Tensor,
    loss_weights: LossWeights,
    class_weights: Tensor,
    pixel_weight: Tensor | None = None,
) -> dict[str, Tensor]:
    """{"fused", "detail"} and, where it has a share, "context": each share times cross-entropy.

    The detail is compared with label[box]; the context before the attention is applied: the
    original multiplies it by 1 - a first, and so trains an attenuated map.
    """
    box, weights, over = logits.box, loss_weights, loss_weights.mean_over
    detail_weight = box.crop(pixel_weight) if pixel_weight is not None else None
    fused = cross_entropy(logits.fused, label, class_weights, pixel_weight, over)
    detail = cross_entropy(logits.detail, box.crop(label), class_weights, detail_weight, over)
    losses = {
        "fused": (1 - weights.detail - weights.context) * fused,
        "detail": weights.detail * detail,
    }
    if weights.context:
        context = cross_entropy(logits.context, label, class_weights, pixel_weight, over)
        losses["context"] = weights.context * context
    return losses


def cross_entropy(
    logits: Tensor,
    label: Tensor,
    class_weights: Tensor,
    pixel_weight: Tensor | None = None,
    mean_over: str = "labeled",
) -> Tensor:
    """Mean over the labeled pixels, weighted by their classes; 0 where nothing is labeled.

    pixel_weight is not in the denominator, so that a crop of low confidence teaches little.
    mean_over "all": over every pixel, ignored ones too and all with weight 1, as in mmseg
    (`avg_non_ignore=False`).
    """
    logits = resize(logits.float(), label.shape[1:])
    loss = nn.functional.cross_entropy(
        logits, label, class_weights, reduction="none", ignore_index=IGNORE
    )
    if pixel_weight is not None:
        loss = loss * pixel_weight
    if mean_over == "all":
        return loss.mean()
    labeled = label != IGNORE
    denominator = class_weights[torch.where(labeled, label, 0)] * labeled
    return loss.sum() / denominator.sum().clamp(min=1)


def dice_loss(logits: Tensor, label: Tensor) -> Tensor:
    """1 - Dice coefficient, mean over the foreground classes that the labels hold; 0 for none.

    Sums run over the minibatch, so that a crop without a plant does not count as a failure.
    Milletari et al., V-Net, 2016, with the squared denominator.
    """
    logits = resize(logits.float(), label.shape[1:])
    p = (logits.softmax(dim=1) * (label != IGNORE).unsqueeze(1))[:, 1:]
    values = torch.arange(1, logits.shape[1], device=label.device).view(1, -1, 1, 1)
    truth = (label.unsqueeze(1) == values).float()  # (B, C - 1, H, W)
    pixels = truth.sum(dim=(0, 2, 3))
    overlap, squares = (p * truth).sum(dim=(0, 2, 3)), (p * p).sum(dim=(0, 2, 3))
    losses = 1 - (2 * overlap + 1) / (squares + pixels + 1)
    held = pixels > 0
    return (losses * held).sum() / held.sum().clamp(min=1)
