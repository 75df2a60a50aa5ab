"""ClassMix and CutMix: labeled crops are pasted into unlabeled ones.

ClassMix: Olsson et al., WACV 2021, with foreground classes only (the original pastes soil in two
of three draws), or as in DACS. CutMix: Yun et al., ICCV 2019; French et al., BMVC 2020.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from daemon.domain import IGNORE
from daemon.hrda.data.minibatch import values_of

CUT_AREA = (0.1, 0.5)  # share of the crop
CUT_ASPECT = (0.5, 2.0)


@dataclass(frozen=True, kw_only=True)
class WeightedCrops:
    """Crops with labels and pixel weights. image: (B, 3, H, W); label and weight: (B, H, W)."""

    image: Tensor
    label: Tensor
    weight: Tensor


Values = Sequence[int]  # that a label holds, ascending


def class_mask(label: Tensor, values: Values | None = None) -> Tensor:
    """(H, W) bool: where ceil(n / 2) of the n foreground classes of a label are, drawn at random;
    all False if n = 0.

    values: that the label holds, where they are known: to look for them waits for the device.
    """
    present = foreground(label.unique().tolist() if values is None else values)
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


def foreground_masks(
    labels: Tensor, class_mix: float, values: Sequence[Values] | None = None
) -> Tensor:
    """(B, H, W) bool: where the labeled crop is pasted over the unlabeled one.

    class_mix: probability of ClassMix, else CutMix; a crop without foreground always gets a CutMix
    box. values: of each label, as in `class_mask`.
    """
    masks = []
    for label, held in zip(labels, values or values_of(labels), strict=True):
        use_classes = _uniform(0, 1) < class_mix
        mask = class_mask(label, held) if use_classes else None
        if mask is None or not foreground(held):
            mask = cutmix_mask(label.shape[0], label.shape[1], label.device)
        masks.append(mask)
    return torch.stack(masks)


def classmix_masks(labels: Tensor, values: Sequence[Values] | None = None) -> Tensor:
    """(B, H, W) bool: ClassMix as in DACS, with the classes of the whole minibatch, 255 too.

    Each crop draws ceil(n / 2) of the n values that (B, H, W) labels hold; nothing is pasted
    where it holds none of them. values: of each label, as in `class_mask`.
    """
    present = sorted({value for held in values or values_of(labels) for value in held})
    masks = []
    for label in labels:
        mask = torch.zeros_like(label, dtype=torch.bool)
        for row in torch.randperm(len(present))[: math.ceil(len(present) / 2)].tolist():
            mask |= label == present[row]
        masks.append(mask)
    return torch.stack(masks)


def region_masks(labels: Tensor) -> Tensor:
    """(B, H, W) bool: all foreground of the (B, H, W) labels; nothing is pasted where there is
    none."""
    return (labels != 0) & (labels != IGNORE)


def foreground(values: Values) -> list[int]:
    """The foreground classes among the values of a label."""
    return [value for value in values if value not in (0, IGNORE)]


def mix(mask: Tensor, labeled: WeightedCrops, unlabeled: WeightedCrops) -> WeightedCrops:
    """Inside the mask the labeled crop, its label and weight; outside the unlabeled one's."""
    return WeightedCrops(
        image=torch.where(mask.unsqueeze(1), labeled.image, unlabeled.image),
        label=torch.where(mask, labeled.label, unlabeled.label),
        weight=torch.where(mask, labeled.weight, unlabeled.weight),
    )


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
