"""The network: DAFormer's decoder, the scale attention, both scales one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu, relu6

Box = tuple[int, int, int, int]  # y, x, height, width


class TrainOutput(NamedTuple):
    fused: Tensor
    detail: Tensor
    features: list[Tensor]


def conv_bn(inside: int, outside: int, kernel: int, groups: int = 1, dilation: int = 1) -> Any:
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inside, outside, kernel, padding=padding, dilation=dilation, groups=groups,
                     bias=False)  # fmt: skip
    return nn.ModuleDict({"conv": conv, "bn": nn.BatchNorm2d(outside)})


def through(block: Any, x: Tensor) -> Tensor:
    return relu(block["bn"](block["conv"](x)))


class Decoder(nn.Module):
    """Embed each level, resize, concatenate, fuse (sepaspp or conv1), classify."""

    def __init__(self, channels: Sequence[int], width: int, maps: int, fusion: str) -> None:
        super().__init__()
        self.embed = nn.ModuleList([nn.Conv2d(count, width, 1) for count in channels])
        wide = width * len(channels)
        self.sepaspp = fusion == "sepaspp"
        if self.sepaspp:
            self.aspp = nn.ModuleList([conv_bn(wide, width, 1)])
            for dilation in (6, 12, 18):
                parts = {"depthwise_conv": conv_bn(wide, wide, 3, groups=wide, dilation=dilation),
                         "pointwise_conv": conv_bn(wide, width, 1)}  # fmt: skip
                self.aspp.append(nn.ModuleDict(parts))
            self.fuse = conv_bn(4 * width, width, 3)
        else:
            self.fuse = conv_bn(wide, width, 1)
        self.conv_seg = nn.Conv2d(width, maps, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        size = features[0].shape[2:]
        levels = []
        for embed, x in zip(self.embed, features, strict=True):
            levels.append(interpolate(embed(x), size, mode="bilinear", align_corners=False))
        x = torch.cat(levels, dim=1)
        if self.sepaspp:
            branches = [through(self.aspp[0], x)]
            for branch in list(self.aspp)[1:]:
                wide = through(branch["depthwise_conv"], x)
                branches.append(through(branch["pointwise_conv"], wide))
            x = torch.cat(branches, dim=1)
        return self.conv_seg(through(self.fuse, x))


class Encoder(nn.Module):
    """EfficientNet-Lite0 as its package has it: the maps after each stride."""

    def __init__(self, ours: Any) -> None:
        super().__init__()
        self.net = EfficientNet.from_name("efficientnet-lite0")
        names = {"stem.": "_conv_stem.", "stem_norm.": "_bn0.", "blocks.": "_blocks."}
        weights = {}
        for name, tensor in ours.state_dict().items():
            part = next(part for part in names if name.startswith(part))
            weights[names[part] + name.removeprefix(part)] = tensor.clone()
        for unused in ("_conv_head", "_bn1", "_fc"):
            delattr(self.net, unused)
        self.net.load_state_dict(weights)
        for module in self.net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.05

    def forward(self, x: Tensor) -> list[Tensor]:
        x = relu6(self.net._bn0(self.net._conv_stem(x)))
        features = []
        for row, block in enumerate(self.net._blocks):
            x = block(x)
            if row in (2, 4, 10, 15):
                features.append(x)
        return features


class Net(nn.Module):
    """A segmentor of ours in this file's words, with the same weights."""

    def __init__(self, ours: Any) -> None:
        super().__init__()
        settings, classes = ours.settings, ours.decoder.num_classes
        channels = [embed.in_channels for embed in ours.decoder.embed]
        self.encoder = Encoder(ours.encoder)
        self.decoder = Decoder(channels, settings.width, classes, settings.fusion)
        self.attention = Decoder(channels, settings.width, classes, "conv1")
        self.decoder.load_state_dict(ours.decoder.state_dict())
        self.attention.load_state_dict(ours.attention.head.state_dict())
        self.mean, self.std = ours.mean.clone(), ours.std.clone()
        self.memory_format = torch.contiguous_format

    def normalised(self, image: Tensor) -> Tensor:
        return ((image - self.mean) / self.std).contiguous(memory_format=self.memory_format)

    def context(self, x: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Logits and attention at 1/8 from the image at half scale."""
        half = interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
        features = list(self.encoder(half))
        return self.decoder(features), torch.sigmoid(self.attention(features)), features

    def train_pass(self, image: Tensor, box: Box) -> TrainOutput:
        x = self.normalised(image)
        context, attention, features = self.context(x)
        y, x0, height, width = box
        detail = self.decoder(self.encoder(x[:, :, y : y + height, x0 : x0 + width]))
        inside = torch.zeros_like(attention)
        for row in range(y // 8, (y + height) // 8):
            for column in range(x0 // 8, (x0 + width) // 8):
                inside[:, :, row, column] = 1
        placed = torch.zeros(*detail.shape[:2], image.shape[2] // 4, image.shape[3] // 4)
        placed[:, :, y // 4 : (y + height) // 4, x0 // 4 : (x0 + width) // 4] = detail
        return TrainOutput(fused(context, inside * attention, placed), detail, features)

    def slide(self, image: Tensor, window: int, stride: int, together: bool) -> Tensor:
        """Fused logits with detail windows over all of the image.

        One window after the other; together: in one pass, where they share batch statistics.
        """
        x = self.normalised(image)
        context, attention, _ = self.context(x)
        boxes = [(y, x0) for y in window_starts(x.shape[2], window, stride)
                 for x0 in window_starts(x.shape[3], window, stride)]  # fmt: skip
        windows = [x[:, :, y : y + window, x0 : x0 + window] for y, x0 in boxes]
        if together:
            parts = self.decoder(self.encoder(torch.cat(windows))).split(len(x))
        else:
            parts = tuple(self.decoder(self.encoder(part)) for part in windows)
        total = torch.zeros(*context.shape[:2], x.shape[2] // 4, x.shape[3] // 4)
        count = torch.zeros_like(total)
        for (y, x0), part in zip(boxes, parts, strict=True):
            total[:, :, y // 4 : (y + window) // 4, x0 // 4 : (x0 + window) // 4] += part
            count[:, :, y // 4 : (y + window) // 4, x0 // 4 : (x0 + window) // 4] += 1
        return fused(context, attention, total / count)


def fused(context: Tensor, attention: Tensor, detail: Tensor) -> Tensor:
    def up(maps: Tensor) -> Tensor:
        return interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)

    return up((1 - attention) * context) + up(attention) * detail


def window_starts(side: int, window: int, stride: int) -> list[int]:
    window = min(window, side)
    count = max(side - window + stride - 1, 0) // stride + 1
    return [min(row * stride, side - window) for row in range(count)]
