"""The HRDA segmentor: one encoder and one decoder see a context crop and a detail window."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from daemon.hrda.network.encoders import encoder_kind
from daemon.hrda.network.heads import (
    CONTEXT_STRIDE,
    STRIDE,
    DAFormerHead,
    ScaleAttention,
    fuse_scales,
    resized,
)
from daemon.hrda.network.segformer import SegFormer
from daemon.hrda.network.segmentor import Logits, Segmentor, Whole, check_size
from daemon.hrda.network.windows import Box, sliding
from daemon.hrda.settings import Settings


class HRDASegmentor(Segmentor):
    """Logits of a crop from its half-scale whole and its full-scale parts."""

    def __init__(self, settings: Settings, classes: int) -> None:
        super().__init__(settings)
        kind = encoder_kind(settings)
        self.decoder = DAFormerHead(
            kind.channels, settings.width, classes, settings.fusion, dropout=settings.dropout
        )
        maps = classes if settings.attention_classwise else 1
        self.attention = ScaleAttention(
            kind.channels, settings.width, maps, settings.fixed_attention, settings.dropout
        )

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
        with self.autocast(image):
            return tuple(x.float() for x in self.encoder(self.normalised(halved(image))))

    def _together(
        self, small: Tensor, window: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...], Tensor]:
        """What `_context` says of the one view and `_decoded` of the other, in one minibatch.

        The norms then see in training what their running statistics hold at inference, a
        mixture of both scales.
        """
        count = len(small)
        with self.autocast(small):
            features = self.encoder(self.normalised(torch.cat([small, window])))
            context, detail = self.decoder(features).float().split(count)
            features = tuple(x[:count] for x in features)
            attention = self.attention(features, context)
        return context, attention, features, detail

    def _context(self, small: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Logits, attention and features of the half-scale view."""
        with self.autocast(small):
            features = self.encoder(self.normalised(small))
            context = self.decoder(features).float()
            return context, self.attention(features, context), features

    def _decoded(self, image: Tensor) -> Tensor:
        with self.autocast(image):
            return self.decoder(self.encoder(self.normalised(image))).float()

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


def halved(image: Tensor) -> Tensor:
    """The context: half scale, bilinear."""
    return resized(image, (image.shape[2] // 2, image.shape[3] // 2))


def build_segmentor(settings: Settings, classes: int) -> Segmentor:
    """The segmentor in the memory format that is fastest here, with random weights."""
    kind = SegFormer if settings.architecture == "segformer" else HRDASegmentor
    net: Segmentor = kind(settings, classes).to(memory_format=torch.channels_last)
    return net


def is_class_row(name: str) -> bool:
    """Whether a tensor has one row per class (so that rows can follow class names)."""
    return "conv_seg." in name


def norms(net: nn.Module) -> set[str]:
    """Names of the parameters that take no weight decay: norms and biases."""
    return {name for name, p in net.named_parameters() if p.ndim <= 1}


__all__ = [
    "CONTEXT_STRIDE",
    "HRDASegmentor",
    "Logits",
    "Segmentor",
    "build_segmentor",
    "halved",
    "is_class_row",
    "norms",
]
