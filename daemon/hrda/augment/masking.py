"""Masked image consistency: from the visible blocks alone, the student must say what is there.

MIC: Hoyer, Dai, Wang, Van Gool, CVPR 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor


def visible_blocks(count: int, height: int, width: int, block_px: int, hidden: float) -> Tensor:
    """(count, 1, height, width) bool: blocks are hidden with probability `hidden`, each by itself.

    The grid has round(height / block_px) by round(width / block_px) blocks of equal size.
    """
    rows, columns = (max(1, round(side / block_px)) for side in (height, width))
    seen = (torch.rand(count, 1, rows, columns) > hidden).float()
    return torch.nn.functional.interpolate(seen, (height, width), mode="nearest") > 0


def hide(image: Tensor, block_px: int, hidden: float, fill: Tensor) -> Tensor:
    """(B, 3, H, W) images with blocks of `fill`, (1, 3, 1, 1): what the normalisation makes 0."""
    seen = visible_blocks(len(image), image.shape[2], image.shape[3], block_px, hidden)
    return torch.where(seen.to(image.device), image, fill)
