"""How far the student's features of things went from those of ImageNet.

DAFormer (Hoyer, Dai, Van Gool, CVPR 2022); in HRDA on the context alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from daemon.domain import IGNORE
from daemon.hrda.network.segmentor import Segmentor


class FeatureDistance(nn.Module):
    """An encoder with ImageNet weights that never learns, and the distance to it.

    Which classes and cells count is in the student's settings: feature_classes (none: all but
    the background), feature_ratio.
    """

    def __init__(self, student: Segmentor) -> None:
        super().__init__()
        self.net = copy.deepcopy(student)
        self.net.load_imagenet()
        for part in [name for name, _ in self.net.named_children() if name != "encoder"]:
            delattr(self.net, part)
        self.net.requires_grad_(False).eval()
        self.count, settings = student.decoder.num_classes, student.settings
        self.classes = settings.feature_classes or tuple(range(1, self.count))
        self.ratio = settings.feature_ratio

    def forward(self, image: Tensor, deepest: Tensor, label: Tensor) -> Tensor | None:
        """Mean L2 distance over the cells of the classes; None where no cell is of them.

        image: (B, 3, H, W), what the student saw. deepest: (B, F, h, w), its last feature map
        of the context. label: (B, H, W).
        """
        cells = cells_of(label, deepest.shape[2:], self.count, self.classes, self.ratio)
        if not cells.any():
            return None
        with torch.no_grad():
            anchor = self.net.features(image)[-1]
        return (deepest.float() - anchor).norm(dim=1)[cells].mean()


def cells_of(
    label: Tensor, size: Sequence[int], count: int, classes: Sequence[int], ratio: float
) -> Tensor:
    """(B, h, w) bool: cells that one of the classes fills most, and at least `ratio` of.

    label: (B, H, W) of `count` classes, or 255. size: (h, w), which divides (H, W).
    """
    kernel = (label.shape[1] // size[0], label.shape[2] // size[1])
    values = torch.tensor([*range(count), IGNORE], device=label.device).view(1, -1, 1, 1)
    filled = nn.functional.avg_pool2d((label.unsqueeze(1) == values).float(), kernel)
    share, most = filled.max(dim=1)
    return torch.isin(most, torch.tensor(classes, device=label.device)) & (share >= ratio)
