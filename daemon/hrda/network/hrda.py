"""The HRDA segmentor: one encoder and one decoder for a context crop and a detail window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from daemon.config.learner import Settings
from daemon.hrda.network.encoders import encoder_spec
from daemon.hrda.network.heads import (
    CONTEXT_STRIDE,
    STRIDE,
    DAFormerHead,
    ScaleAttention,
    fuse_scales,
    resize,
    scales_agree,
)
from daemon.hrda.network.memory_format import memory_format_of
from daemon.hrda.network.segformer import SegFormer
from daemon.hrda.network.segmentor import (
    Branch,
    BranchResult,
    Logits,
    Segmentor,
    SlideResult,
    check_size,
    inputs_of,
)
from daemon.hrda.network.windows import Box, sliding_windows


class HRDASegmentor(Segmentor):
    """Logits of a crop, fused from the crop at half scale and windows of it at full scale."""

    def __init__(self, settings: Settings, classes: int) -> None:
        super().__init__(settings)
        kind = encoder_spec(settings)
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
        small, window = half_scale(image), box.crop(image)
        if self.settings.scales_together and small.shape == window.shape:
            context, attention, features, detail = self._both_scales(small, window)
        else:
            context, attention, features = self.context_logits(small)
            detail = self.detail_logits(window)
        return Logits(
            fused=fuse_scales(context, attention, detail, box),
            detail=detail,
            context=context,
            attention=attention,
            deepest=features[-1],
            box=box,
        )

    def slide_inference(self, image: Tensor, window: int, stride: int) -> SlideResult:
        """The logits of whole images, by detail windows that lie `stride` pixels apart."""
        check_size(image)
        context, attention, features = self.context_logits(half_scale(image))
        (detail,) = self._mean_of_windows(image, window, stride, lambda x: [self.detail_logits(x)])
        fused = fuse_scales(context, attention, detail, None)
        agreement = scales_agree(context, detail) if self.settings.scales_agree else None
        return SlideResult(
            fused=fused, features=tuple(x.float() for x in features), scales_agree=agreement
        )

    def branch_inference(self, image: Tensor, window: int, stride: int) -> BranchResult:
        """The same with the logits of each branch, and the inputs of the last layer."""
        check_size(image)
        with inputs_of(self.decoder.conv_seg) as inputs:
            context, attention, features = self.context_logits(half_scale(image))
        detail = self._detail_branch(image, window, stride)
        return BranchResult(
            fused=fuse_scales(context, attention, detail.logits, None),
            features=tuple(x.float() for x in features),
            detail=detail,
            context=Branch(logits=context, inputs=inputs[0]),
            attention=attention,
        )

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """The encoder's maps of the context only, float32."""
        with self.autocast(image):
            return tuple(x.float() for x in self.encoder(self.normalised(half_scale(image))))

    def _both_scales(
        self, small: Tensor, window: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...], Tensor]:
        """`context_logits` of the half-scale view, `detail_logits` of the window, in one minibatch.

        The norms then see the same mixture of both scales in training as at inference, where
        their running statistics hold it.
        """
        count = len(small)
        with self.autocast(small):
            features = self.encoder(self.normalised(torch.cat([small, window])))
            context, detail = self.decoder(features).float().split(count)
            features = tuple(x[:count] for x in features)
            attention = self.attention(features, context)
        return context, attention, features, detail

    def context_logits(self, small: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Logits, attention and features of the half-scale view."""
        with self.autocast(small):
            features = self.encoder(self.normalised(small))
            context = self.decoder(features).float()
            return context, self.attention(features, context), features

    def detail_logits(self, image: Tensor) -> Tensor:
        """(B, C, h/4, w/4): the logits of detail windows at full scale."""
        with self.autocast(image):
            return self.decoder(self.encoder(self.normalised(image))).float()

    def _detail_branch(self, image: Tensor, window: int, stride: int) -> Branch:
        """The means over the windows; the inputs of a single one are not copied."""
        if max(image.shape[2:]) > window:
            logits, seen = self._mean_of_windows(image, window, stride, self._detail_with_inputs)
            return Branch(logits=logits, inputs=seen)
        with inputs_of(self.decoder.conv_seg) as inputs:
            (logits,) = self._mean_of_windows(
                image, window, stride, lambda x: [self.detail_logits(x)]
            )
        return Branch(logits=logits, inputs=inputs[0])

    def _detail_with_inputs(self, image: Tensor) -> Sequence[Tensor]:
        with inputs_of(self.decoder.conv_seg) as inputs:
            logits = self.detail_logits(image)
        return logits, inputs[0]

    def _mean_of_windows(
        self, image: Tensor, window: int, stride: int, maps_of: Callable[[Tensor], Sequence[Tensor]]
    ) -> list[Tensor]:
        """(B, M, H/4, W/4) each: the mean of these maps of all windows that cover a cell."""
        count, _, height, width = image.shape
        size = (height // STRIDE, width // STRIDE)
        boxes = sliding_windows(height, width, window, stride)
        totals: list[Tensor] = []
        count_map = image.new_zeros(1, 1, *size)
        windows_per_pass = max(1, self.chunk // count)
        for first in range(0, len(boxes), windows_per_pass):
            chunk = boxes[first : first + windows_per_pass]
            found = maps_of(torch.cat([box.crop(image) for box in chunk]))
            totals = totals or [image.new_zeros(count, maps.shape[1], *size) for maps in found]
            for row, box in enumerate(chunk):
                for total, maps in zip(totals, found, strict=True):
                    box.crop(total, STRIDE).add_(maps[row * count : (row + 1) * count])
                box.crop(count_map, STRIDE).add_(1)
        return [total / count_map for total in totals]


def half_scale(image: Tensor) -> Tensor:
    """The image at half scale, bilinear: the context."""
    return resize(image, (image.shape[2] // 2, image.shape[3] // 2))


def build_segmentor(settings: Settings, classes: int) -> Segmentor:
    """The segmentor of the settings with random weights. Raises ConfigError."""
    kind = SegFormer if settings.architecture == "segformer" else HRDASegmentor
    net: Segmentor = kind(settings, classes)
    net.memory_format = memory_format_of(net)
    return net.to(memory_format=net.memory_format)


def has_class_rows(name: str) -> bool:
    """Whether a tensor has one row per class, so that rows can be copied by class name."""
    return "conv_seg." in name


def norms_and_biases(net: nn.Module) -> set[str]:
    """Names of the parameters of norms and of the biases."""
    return {name for name, p in net.named_parameters() if p.ndim <= 1}


__all__ = [
    "CONTEXT_STRIDE",
    "HRDASegmentor",
    "Logits",
    "Segmentor",
    "build_segmentor",
    "half_scale",
    "has_class_rows",
    "norms_and_biases",
]
