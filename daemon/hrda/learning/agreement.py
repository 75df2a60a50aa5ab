"""Where the teacher agrees with itself on two views of a crop. Its scales: heads.py."""

from __future__ import annotations

import torch
from torch import Tensor

from daemon.hrda.augment.colour_jitter import jitter
from daemon.hrda.learning.pseudo_labels import aligned
from daemon.hrda.network.heads import resize


def second_view(image: Tensor, strength: float) -> Tensor:
    """(B, 3, H, W) crops mirrored left to right, with other colours (see `jitter`)."""
    return jitter(image.flip(3), strength)


def views_agree(first: Tensor, second: Tensor, ratio: Tensor) -> Tensor:
    """(B, H, W) bool: where both views have the same most probable class.

    first: (B, C, H, W) probabilities. second: (B, C, h, w) logits of `second_view`, at any
    resolution; they are turned back. ratio: (C,), of the distribution alignment of both.
    """
    probability = resize(second.flip(3), first.shape[2:]).softmax(dim=1)
    return aligned(first, ratio).argmax(dim=1) == aligned(probability, ratio).argmax(dim=1)


def at_pixels(agreement: Tensor, size: torch.Size) -> Tensor:
    """(B, H, W) bool: the agreement of cells (B, h, w), each cell's for all of its pixels."""
    cells = agreement.unsqueeze(1).float()
    return torch.nn.functional.interpolate(cells, tuple(size), mode="nearest").squeeze(1) > 0
