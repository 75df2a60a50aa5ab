"""The HRDA segmentor: one encoder and one decoder see a context crop and a detail window."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from daemon.hrda.encoders import build_encoder, encoder_kind, load_imagenet
from daemon.hrda.heads import (
    CONTEXT_STRIDE,
    STRIDE,
    DAFormerHead,
    ScaleAttention,
    fuse_scales,
    resized,
)
from daemon.hrda.mmlab import BaseModule
from daemon.hrda.settings import GRID_PX, Settings
from daemon.hrda.windows import Box, sliding


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


class HRDASegmentor(BaseModule):
    """Logits of a crop from its half-scale whole and its full-scale parts.

    Images are (B, 3, H, W) RGB in 0..255, H and W multiples of 64; the normalisation is
    inside. `bf16` runs the networks under autocast; everything after them is float32.
    """

    def __init__(self, settings: Settings, classes: int) -> None:
        super().__init__()
        kind = encoder_kind(settings)
        self.encoder = build_encoder(settings)
        self.decoder = DAFormerHead(
            kind.channels, settings.width, classes, settings.fusion, dropout=settings.dropout
        )
        maps = classes if settings.attention_classwise else 1
        self.attention = ScaleAttention(
            kind.channels, settings.width, maps, settings.fixed_attention, settings.dropout
        )
        self.register_buffer("mean", torch.tensor(kind.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(kind.std).view(1, 3, 1, 1), persistent=False)
        self.settings = settings
        self.bf16 = False
        self.chunk = settings.chunk

    def load_imagenet(self) -> None:
        """Fill the encoder as the settings say."""
        load_imagenet(self.encoder, self.settings)

    def forward(self, image: Tensor, box: Box) -> Logits:
        """One training pass with the detail window at `box`."""
        check_size(image)
        small, window = halved(image), box.cut(image)
        if self.settings.scales_together and small.shape == window.shape:
            context, attention, features, detail = self._together(small, window)
        else:
            context, attention, features = self._context(small)
            detail = self._decoded(window)
        return Logits(
            fused=fuse_scales(context, attention, detail, box),
            detail=detail,
            context=context,
            attention=attention,
            deepest=features[-1],
            box=box,
        )

    def whole(self, image: Tensor, window: int, stride: int) -> Whole:
        """The logits with detail windows slid over all of the image."""
        check_size(image)
        context, attention, features = self._context(halved(image))
        detail = self._slid(image, window, stride)
        fused = fuse_scales(context, attention, detail, None)
        return Whole(fused=fused, features=tuple(x.float() for x in features))

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """The encoder's maps of the context alone, float32."""
        with self._autocast(image):
            return tuple(x.float() for x in self.encoder(self._normalised(halved(image))))

    def _together(
        self, small: Tensor, window: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...], Tensor]:
        """What `_context` says of the one view and `_decoded` of the other, in one minibatch.

        The norms then see in training what their running statistics hold at inference, a
        mixture of both scales.
        """
        count = len(small)
        with self._autocast(small):
            features = self.encoder(self._normalised(torch.cat([small, window])))
            context, detail = self.decoder(features).float().split(count)
            features = tuple(x[:count] for x in features)
            attention = self.attention(features, context)
        return context, attention, features, detail

    def _context(self, small: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Logits, attention and features of the half-scale view."""
        with self._autocast(small):
            features = self.encoder(self._normalised(small))
            context = self.decoder(features).float()
            return context, self.attention(features, context), features

    def _decoded(self, image: Tensor) -> Tensor:
        with self._autocast(image):
            return self.decoder(self.encoder(self._normalised(image))).float()

    def _slid(self, image: Tensor, window: int, stride: int) -> Tensor:
        """Average of the detail logits of all windows that see a cell."""
        count, _, height, width = image.shape
        boxes = sliding(height, width, window, stride)
        total = image.new_zeros(count, self.decoder.num_classes, height // STRIDE, width // STRIDE)
        seen = image.new_zeros(1, 1, height // STRIDE, width // STRIDE)
        at_once = max(1, self.chunk // count)
        for first in range(0, len(boxes), at_once):
            some = boxes[first : first + at_once]
            logits = self._decoded(torch.cat([box.cut(image) for box in some]))
            for box, part in zip(some, logits.split(count), strict=True):
                box.cut(total, STRIDE).add_(part)
                box.cut(seen, STRIDE).add_(1)
        return total / seen

    def _normalised(self, image: Tensor) -> Tensor:
        x = (image - self.mean) / self.std
        return x.contiguous(memory_format=torch.channels_last)

    def _autocast(self, image: Tensor) -> contextlib.AbstractContextManager[object]:
        if not self.bf16:
            return contextlib.nullcontext()
        return torch.autocast(image.device.type, dtype=torch.bfloat16)


def halved(image: Tensor) -> Tensor:
    """The context: half scale, bilinear."""
    return resized(image, (image.shape[2] // 2, image.shape[3] // 2))


def build_segmentor(settings: Settings, classes: int) -> HRDASegmentor:
    """The segmentor in the memory format that is fastest here, with random weights."""
    from daemon.hrda.segformer import SegFormer  # it is made of this file's parts

    kind = SegFormer if settings.architecture == "segformer" else HRDASegmentor
    return kind(settings, classes).to(memory_format=torch.channels_last)


def is_class_row(name: str) -> bool:
    """Whether a tensor has one row per class (so that rows can follow class names)."""
    return "conv_seg." in name


def norms(net: nn.Module) -> set[str]:
    """Names of the parameters that take no weight decay: norms and biases."""
    return {name for name, p in net.named_parameters() if p.ndim <= 1}


def check_size(image: Tensor) -> None:
    """Raises ValueError for an image that the grid does not fit."""
    height, width = image.shape[2:]
    if height % GRID_PX or width % GRID_PX:
        raise ValueError(
            f"image of {height}x{width} pixels: expected multiples of {GRID_PX}; pad it first"
        )


__all__ = [
    "CONTEXT_STRIDE",
    "HRDASegmentor",
    "Logits",
    "build_segmentor",
    "halved",
    "is_class_row",
    "norms",
]
