"""Pixels of each class, counted on the device: `bincount` and boolean indices wait for it."""

from __future__ import annotations

import torch
from torch import Tensor


def class_counts(label: Tensor, classes: int, where: Tensor | None = None) -> Tensor:
    """(classes,) int64: how many pixels of an integer label are 0, 1, ... classes - 1.

    where: bool, of the shape of the label; only these pixels count.
    """
    values = torch.arange(classes, device=label.device).view(-1, 1)
    equal = label.reshape(1, -1) == values
    if where is not None:
        equal &= where.reshape(1, -1)
    return equal.sum(dim=1)
