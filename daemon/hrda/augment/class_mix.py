"""ClassMix and CutMix: labeled crops are pasted into unlabeled ones.

ClassMix: Olsson et al., WACV 2021, with foreground classes only (the original pastes soil in two
of three draws), or as in DACS. CutMix: Yun et al., ICCV 2019; French et al., BMVC 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from daemon.domain import IGNORE

CUT_AREA = (0.1, 0.5)  # share of the crop
CUT_ASPECT = (0.5, 2.0)


@dataclass(frozen=True, kw_only=True)
class WeightedCrops:
    """Crops with labels and pixel weights. image: (B, 3, H, W); label and weight: (B, H, W)."""

    image: Tensor
    label: Tensor
    weight: Tensor


def class_mask(label: Tensor) -> Tensor:
    """(H, W) bool: where ceil(n / 2) of the n foreground classes of a label are, drawn at random;
    all False if n = 0."""
    present = [int(index) for index in label.unique() if index not in (0, IGNORE)]
    order = torch.randperm(len(present))[: math.ceil(len(present) / 2)]
    mask = torch.zeros_like(label, dtype=torch.bool)
    for index in order:
        mask |= label == present[int(index)]
    return mask


def cutmix_mask(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """(height, width) bool: a random rectangle of 10 to 50 % of the area."""
    area = height * width * _uniform(*CUT_AREA)
    aspect = math.exp(_uniform(*(math.log(side) for side in CUT_ASPECT)))
    h = min(height, max(1, round(math.sqrt(area * aspect))))
    w = min(width, max(1, round(area / h)))
    y, x = int(torch.randint(0, height - h + 1, ())), int(torch.randint(0, width - w + 1, ()))
    mask = torch.zeros(height, width, dtype=torch.bool, device=device)
    mask[y : y + h, x : x + w] = True
    return mask


def foreground_masks(labels: Tensor, class_mix: float) -> Tensor:
    """(B, H, W) bool: where the labeled crop is pasted over the unlabeled one.

    class_mix: probability of ClassMix, else CutMix; a crop without foreground always gets a CutMix
    box.
    """
    masks = []
    for label in labels:
        mask = class_mask(label) if _uniform(0, 1) < class_mix else torch.zeros_like(label) > 0
        masks.append(
            mask if mask.any() else cutmix_mask(label.shape[0], label.shape[1], label.device)
        )
    return torch.stack(masks)


def classmix_masks(labels: Tensor) -> Tensor:
    """(B, H, W) bool: ClassMix as in DACS, with the classes of the whole minibatch, 255 too.

    Each crop draws ceil(n / 2) of the n values that (B, H, W) labels hold; nothing is pasted
    where it holds none of them.
    """
    present = labels.unique()
    masks = []
    for label in labels:
        order = torch.randperm(len(present))[: math.ceil(len(present) / 2)]
        masks.append(torch.isin(label, present[order.to(present.device)]))
    return torch.stack(masks)


def mix(mask: Tensor, labeled: WeightedCrops, unlabeled: WeightedCrops) -> WeightedCrops:
    """Inside the mask the labeled crop, its label and weight; outside the unlabeled one's."""
    return WeightedCrops(
        image=torch.where(mask.unsqueeze(1), labeled.image, unlabeled.image),
        label=torch.where(mask, labeled.label, unlabeled.label),
        weight=torch.where(mask, labeled.weight, unlabeled.weight),
    )


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
