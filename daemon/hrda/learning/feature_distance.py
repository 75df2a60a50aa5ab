"""Feature distance: keep the student's features of foreground classes near those of ImageNet.

DAFormer (Hoyer, Dai, Van Gool, CVPR 2022), section 3.3; in HRDA on the context crop only.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from daemon.domain import IGNORE
from daemon.hrda.device import to_device
from daemon.hrda.network.segmentor import Segmentor


class FeatureDistance(nn.Module):
    """A frozen encoder with ImageNet weights, and the distance of the student's features to it.

    The student's settings say where it is measured: feature_classes (empty: all but the
    background) and feature_ratio.
    """

    def __init__(self, student: Segmentor) -> None:
        super().__init__()
        self.net = copy.deepcopy(student)
        self.net.load_imagenet()
        for part in [name for name, _ in self.net.named_children() if name != "encoder"]:
            delattr(self.net, part)
        self.net.requires_grad_(False).eval()
        self.class_count, settings = student.decoder.num_classes, student.settings
        self.classes = settings.feature_classes or tuple(range(1, self.class_count))
        self.ratio = settings.feature_ratio

    def forward(self, image: Tensor, deepest: Tensor, label: Tensor) -> Tensor:
        """Mean L2 distance over the cells of the classes; 0 where no cell is of them.

        image: (B, 3, H, W), as the student saw it. deepest: (B, F, h, w), its last feature map
        of the context. label: (B, H, W).
        """
        cells = class_cells(label, deepest.shape[2:], self.class_count, self.classes, self.ratio)
        with torch.no_grad():
            anchor = self.net.features(image)[-1]
        distance = (deepest.float() - anchor).norm(dim=1)
        return torch.where(cells, distance, 0.0).sum() / cells.sum().clamp(min=1)


def class_cells(
    label: Tensor, size: Sequence[int], class_count: int, classes: Sequence[int], ratio: float
) -> Tensor:
    """(B, h, w) bool: cells whose most frequent class is one of `classes` and fills `ratio` of it.

    label: (B, H, W) of `class_count` classes, or 255. size: (h, w), which divides (H, W).
    """
    kernel = (label.shape[1] // size[0], label.shape[2] // size[1])
    values = to_device(torch.tensor([*range(class_count), IGNORE]), label.device).view(1, -1, 1, 1)
    filled = nn.functional.avg_pool2d((label.unsqueeze(1) == values).float(), kernel)
    share, most = filled.max(dim=1)
    wanted = to_device(torch.tensor(classes), label.device).view(-1, 1, 1, 1)
    return (most == wanted).any(dim=0) & (share >= ratio)
