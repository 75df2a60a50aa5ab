"""Mixing labeled crops into unlabeled ones.

ClassMix: Olsson et al., WACV 2021, foreground classes only (the original picks soil in two
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
class Mixed:
    """A mixed minibatch. image: (B, 3, H, W); label: (B, H, W); weight: (B, H, W)."""

    image: Tensor
    label: Tensor
    weight: Tensor


def class_mask(label: Tensor) -> Tensor:
    """Where ceil(n / 2) of the n foreground classes of one (H, W) label are; empty if n = 0."""
    present = [int(index) for index in label.unique() if index not in (0, IGNORE)]
    order = torch.randperm(len(present))[: math.ceil(len(present) / 2)]
    mask = torch.zeros_like(label, dtype=torch.bool)
    for row in order:
        mask |= label == present[int(row)]
    return mask


def cut_mask(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """A rectangle of 10 to 50 % of the area, anywhere inside."""
    area = height * width * _uniform(*CUT_AREA)
    aspect = math.exp(_uniform(*(math.log(side) for side in CUT_ASPECT)))
    h = min(height, max(1, round(math.sqrt(area * aspect))))
    w = min(width, max(1, round(area / h)))
    y, x = int(torch.randint(0, height - h + 1, ())), int(torch.randint(0, width - w + 1, ()))
    mask = torch.zeros(height, width, dtype=torch.bool, device=device)
    mask[y : y + h, x : x + w] = True
    return mask


def mix_masks(labels: Tensor, class_mix: float) -> Tensor:
    """(B, H, W): where the labeled crop goes over the unlabeled one.

    class_mix: probability of ClassMix; a crop without foreground gets a CutMix box then too.
    """
    masks = []
    for label in labels:
        mask = class_mask(label) if _uniform(0, 1) < class_mix else torch.zeros_like(label) > 0
        masks.append(mask if mask.any() else cut_mask(label.shape[0], label.shape[1], label.device))
    return torch.stack(masks)


def all_class_masks(labels: Tensor) -> Tensor:
    """(B, H, W): ClassMix as in DACS, with the classes of the whole minibatch, 255 too.

    Each crop has its own draw of ceil(n / 2) of the n values that (B, H, W) labels hold, and
    nothing is pasted where it holds none of them.
    """
    present = labels.unique()
    masks = []
    for label in labels:
        order = torch.randperm(len(present))[: math.ceil(len(present) / 2)]
        masks.append(torch.isin(label, present[order.to(present.device)]))
    return torch.stack(masks)


def mix(mask: Tensor, labeled: Mixed, unlabeled: Mixed) -> Mixed:
    """Inside the mask the labeled crop, its label and weight; outside the unlabeled one's."""
    return Mixed(
        image=torch.where(mask.unsqueeze(1), labeled.image, unlabeled.image),
        label=torch.where(mask, labeled.label, unlabeled.label),
        weight=torch.where(mask, labeled.weight, unlabeled.weight),
    )


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
