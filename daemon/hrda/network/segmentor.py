"""What every network here offers to training and inference: an encoder, a decoder, logits."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from daemon.hrda.network.encoders import build_encoder, encoder_kind, load_imagenet
from daemon.hrda.network.mmlab import BaseDecodeHead, BaseModule
from daemon.hrda.network.windows import Box
from daemon.hrda.settings import GRID_PX, Settings


@dataclass(frozen=True, kw_only=True)
class Logits:
    """What one training pass sees.

    fused: (B, C, H/4, W/4). detail: (B, C, h/4, w/4), of the box. context: (B, C, H/8, W/8),
    before the attention takes its part. attention: (B, C or 1, H/8, W/8). deepest: the
    encoder's last map of the context.
    """

    fused: Tensor
    detail: Tensor
    context: Tensor
    attention: Tensor
    deepest: Tensor
    box: Box


@dataclass(frozen=True, kw_only=True)
class Whole:
    """What an inference pass sees.

    fused: (B, C, H/4, W/4). features: the encoder's maps of the context, float32.
    """

    fused: Tensor
    features: tuple[Tensor, ...]


class Segmentor(BaseModule):
    """Logits of crops and of whole images.

    Images are (B, 3, H, W) RGB in 0..255, H and W multiples of 64; the normalisation is
    inside. `bf16` runs the networks under autocast; everything after them is float32.
    """

    decoder: BaseDecodeHead  # its conv_seg has a row for each class

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        kind = encoder_kind(settings)
        self.encoder = build_encoder(settings)
        self.register_buffer("mean", torch.tensor(kind.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(kind.std).view(1, 3, 1, 1), persistent=False)
        self.settings = settings
        self.bf16 = False
        self.chunk = settings.chunk

    def load_imagenet(self) -> None:
        """Fill the encoder as the settings say."""
        load_imagenet(self.encoder, self.settings)

    @abstractmethod
    def forward(self, image: Tensor, box: Box) -> Logits:
        """One training pass with the detail window at `box`."""

    @abstractmethod
    def whole(self, image: Tensor, window: int, stride: int) -> Whole:
        """The logits with detail windows slid over all of the image."""

    @abstractmethod
    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """The encoder's maps of the whole image, float32."""

    def normalised(self, image: Tensor) -> Tensor:
        """The image as the encoder was trained on, channels last."""
        x = (image - self.mean) / self.std
        return x.contiguous(memory_format=torch.channels_last)

    def autocast(self, image: Tensor) -> contextlib.AbstractContextManager[object]:
        """Run the networks in bf16 inside, where that is asked for."""
        if not self.bf16:
            return contextlib.nullcontext()
        return torch.autocast(image.device.type, dtype=torch.bfloat16)


def check_size(image: Tensor) -> None:
    """Raises ValueError for an image that the grid does not fit."""
    height, width = image.shape[2:]
    if height % GRID_PX or width % GRID_PX:
        raise ValueError(
            f"image of {height}x{width} pixels: expected multiples of {GRID_PX}; pad it first"
        )
