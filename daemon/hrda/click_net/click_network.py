"""The network: an EfficientNet-Lite that also sees clicks, and a light decoder.

The clicks enter after the encoder's first convolution through a small branch with a learned scale
("conv1s" of RITM: Sofiiuk et al., 2021, 2102.06583), so that the weights of the encoder stay of
use. They are shown to the last stage of the decoder again, which learns in few iterations from it
that the prior and the previous mask are nearly the answer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from daemon.config.learner import settings_of
from daemon.hrda.network.encoders import ENCODERS, EfficientNetLite0, build_encoder

MAPS = 4  # previous mask, positive clicks, negative clicks, prior
STEM = 32  # channels after the first convolution, at half of the resolution
BRANCH = 16  # channels of the branch of the clicks
WIDTH = 48  # of the decoder
START_SCALE = 0.1  # of the branch: the weights of the encoder are not disturbed at first
STRIDE = 2  # of the output
ENCODER = "efficientnet_lite0"


class ClickNetwork(nn.Module):
    """Logits of the clicked object.

    forward: picture (B, 3, H, W) RGB in 0..255, maps (B, 4, H, W): previous probability, positive
    and negative disks, prior minus 0.5; H and W multiples of 32. Returns (B, 1, H/2, W/2).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: str = ENCODER) -> None:
        super().__init__()
        spec = ENCODERS[encoder]
        built = build_encoder(settings_of({"encoder": encoder, "encoder_weights": "none"}))
        if not isinstance(built, EfficientNetLite0):
            raise TypeError(f"{encoder}: expected an EfficientNet-Lite")
        self.encoder = built
        self.branch = nn.Sequential(
            nn.Conv2d(MAPS, BRANCH, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(BRANCH, STEM, 3, stride=2, padding=1),
        )
        self.scale = nn.Parameter(torch.full((1,), START_SCALE))
        self.decoder = _Decoder((STEM, *spec.channels))
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1))

    def forward(self, picture: Tensor, maps: Tensor) -> Tensor:
        """The logits; see the class."""
        encoder = self.encoder
        x = encoder.stem_norm(encoder.stem((picture - self.mean) / self.std))
        x = nn.functional.relu6(x + self.scale * self.branch(maps))
        features = [x]
        for row, block in enumerate(encoder.blocks):
            x = block(x, drop_connect_rate=encoder.drop_connect * row / len(encoder.blocks))
            if row in encoder.LAST_BLOCKS:
                features.append(x)
        return self.decoder(features, nn.functional.avg_pool2d(maps, STRIDE))


class _Decoder(nn.Module):
    """From the coarsest map down to the finest: 1x1 laterals, then a separable 3x3."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(count, WIDTH, 1) for count in channels)
        self.stages = nn.ModuleList(_separable(WIDTH) for _ in channels[1:])
        self.last = nn.Sequential(_separable(WIDTH + MAPS), nn.Conv2d(WIDTH, 1, 1))

    def forward(self, features: list[Tensor], maps: Tensor) -> Tensor:
        """features: the finest first. maps: (B, 4, h, w) of the size of the finest."""
        x = self.laterals[-1](features[-1])
        for row in range(len(features) - 2, -1, -1):
            fine = self.laterals[row](features[row])
            x = self.stages[row](fine + _enlarged(x, fine))
        logits: Tensor = self.last(torch.cat([x, maps], dim=1))
        return logits


def _separable(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        nn.Conv2d(channels, WIDTH, 1, bias=False),
        nn.BatchNorm2d(WIDTH, momentum=0.05),
        nn.ReLU(inplace=True),
    )


def _enlarged(coarse: Tensor, fine: Tensor) -> Tensor:
    return nn.functional.interpolate(coarse, fine.shape[2:], mode="bilinear", align_corners=False)
