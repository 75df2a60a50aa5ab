"""Masked image consistency: the student predicts hidden blocks from the visible ones.

MIC: Hoyer, Dai, Wang, Van Gool, CVPR 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor

from daemon.hrda.device import to_device


def visible_blocks(count: int, height: int, width: int, block_px: int, hidden: float) -> Tensor:
    """(count, 1, height, width) bool: each block is hidden with probability `hidden`.

    The grid has round(height / block_px) by round(width / block_px) blocks of equal size.
    """
    rows, columns = (max(1, round(side / block_px)) for side in (height, width))
    visible = (torch.rand(count, 1, rows, columns) > hidden).float()
    return torch.nn.functional.interpolate(visible, (height, width), mode="nearest") > 0


def mask_blocks(image: Tensor, block_px: int, hidden: float, fill: Tensor) -> Tensor:
    """(B, 3, H, W) images with hidden blocks of `fill`, (1, 3, 1, 1): the encoder's mean colour,
    which the normalisation turns into 0."""
    visible = visible_blocks(len(image), image.shape[2], image.shape[3], block_px, hidden)
    return torch.where(to_device(visible, image.device), image, fill)
