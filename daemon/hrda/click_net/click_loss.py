"""The loss: normalised focal loss (Sofiiuk et al., 2019, 1909.07829) and soft IoU."""

from __future__ import annotations

import torch
from torch import Tensor

ALPHA = 0.5  # weight of the object; the rest has 1 - ALPHA
GAMMA = 2.0  # how much less a pixel counts that is right already
IOU_WEIGHT = 0.5
EPSILON = 1e-6


def focal_weights(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """(B, H, W): (1 - p)^gamma of the probability p of the right answer, rescaled so that they sum
    to the number of valid pixels of each crop. The factor of the rescaling has no gradient."""
    right = torch.sigmoid(torch.where(target > 0, logits, -logits))
    weights = (1 - right) ** GAMMA * valid
    with torch.no_grad():
        factor = valid.sum((1, 2), keepdim=True) / (weights.sum((1, 2), keepdim=True) + EPSILON)
    return weights * factor


def normalised_focal_loss(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """The mean over the crops. logits, target (0 or 1) and valid (0 or 1): (B, H, W)."""
    likelihood = torch.nn.functional.logsigmoid(torch.where(target > 0, logits, -logits))
    alpha = torch.where(target > 0, ALPHA, 1 - ALPHA)
    loss = -alpha * focal_weights(logits, target, valid) * likelihood
    return (loss.sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)).mean()


def soft_iou_loss(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """1 - IoU of the probabilities, the mean over the crops; 0 is best, 1 worst."""
    probability = torch.sigmoid(logits)
    both = (torch.minimum(probability, target) * valid).sum((1, 2))
    either = (torch.maximum(probability, target) * valid).sum((1, 2))
    return (1 - both / either.clamp(min=EPSILON)).mean()


def click_loss(logits: Tensor, target: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """The parts of the loss, weighted: their sum is minimised."""
    return {
        "loss_focal": normalised_focal_loss(logits, target, valid),
        "loss_iou": IOU_WEIGHT * soft_iou_loss(logits, target, valid),
    }
