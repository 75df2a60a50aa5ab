"""DAFormer's decoder and HRDA's scale attention.

Hoyer, Dai, Van Gool: DAFormer, CVPR 2022; HRDA, ECCV 2022, section 3 (equations 3 to 8).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from daemon.hrda.network.mmlab import (
    ASPPModule,
    BaseDecodeHead,
    ConvModule,
    DepthwiseSeparableASPPModule,
)
from daemon.hrda.network.windows import Box

CONTEXT_STRIDE = 8  # pixels of the crop per cell of the context's logits
STRIDE = 4  # pixels of the crop per cell of the fused logits
NORM = {"type": "BN", "requires_grad": True}
ASPPS = {"sepaspp": DepthwiseSeparableASPPModule, "aspp": ASPPModule}


class DAFormerHead(BaseDecodeHead):
    """Four feature maps -> logits at the finest of their strides.

    Each map is embedded linearly, resized and concatenated; then an ASPP of depthwise separable
    (`sepaspp`) or of full convolutions (`aspp`), or one 1x1 convolution (`conv1`) fuses them.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int,
        outputs: int,
        fusion: str = "sepaspp",
        dilations: Sequence[int] = (1, 6, 12, 18),
        dropout: float = 0.1,
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about losses of mmseg that are not used
            super().__init__(
                in_channels=list(in_channels),
                channels=channels,
                num_classes=outputs,
                in_index=list(range(len(in_channels))),
                input_transform="multiple_select",
                dropout_ratio=dropout,
                norm_cfg=NORM,
            )
        self.embed = nn.ModuleList(nn.Conv2d(count, channels, 1) for count in in_channels)
        wide = channels * len(in_channels)
        self.aspp: nn.Module | None = None
        if fusion in ASPPS:
            self.aspp = ASPPS[fusion](
                dilations=dilations,
                in_channels=wide,
                channels=channels,
                conv_cfg=None,
                norm_cfg=NORM,
                act_cfg={"type": "ReLU"},
            )
            self.fuse = ConvModule(len(dilations) * channels, channels, 3, padding=1, norm_cfg=NORM)
        else:
            self.fuse = ConvModule(wide, channels, 1, norm_cfg=NORM)
        self.init_weights()

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(B, outputs, H, W), H and W of features[0]."""
        size = features[0].shape[2:]
        embedded = [resize(embed(x), size) for embed, x in zip(self.embed, features, strict=True)]
        x = torch.cat(embedded, dim=1)
        if self.aspp is not None:
            x = torch.cat(self.aspp(x), dim=1)
        return self.cls_seg(self.fuse(x))


class ScaleAttention(nn.Module):
    """The weight of the detail per map and cell: (B, M, H/8, W/8) in (0, 1).

    maps: one for each class, or a single one for all of them. The input is the context's features.
    fixed: a constant instead, without parameters. HRDA, equation 5.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int,
        maps: int,
        fixed: float | None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.fixed = fixed
        if fixed is None:
            self.head = DAFormerHead(in_channels, channels, maps, fusion="conv1", dropout=dropout)

    def forward(self, features: Sequence[Tensor], like: Tensor) -> Tensor:
        """features: of the context. like: its logits, whose shape a constant has."""
        if self.fixed is not None:
            return torch.full_like(like, self.fixed)
        return torch.sigmoid(self.head(features).float())


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """(B, C, *size): bilinear, corners not aligned."""
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return nn.functional.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)


def fuse_scales(context: Tensor, attention: Tensor, detail: Tensor, box: Box | None) -> Tensor:
    """HRDA, equation 7: up((1 - a) context) + up(a) detail, with a = 0 outside the box.

    context: (B, C, H/8, W/8). attention: the same, or with one map for all classes. detail:
    (B, C, h/4, w/4), of the box, or of the whole crop where box is None. Returns
    (B, C, H/4, W/4).
    """
    size = (context.shape[2] * 2, context.shape[3] * 2)
    if box is not None:
        mask = torch.zeros_like(attention)
        box.crop(mask, CONTEXT_STRIDE).fill_(1)
        attention = attention * mask
        placed = detail.new_zeros(*detail.shape[:2], *size)
        box.crop(placed, STRIDE).copy_(detail)
        detail = placed
    return resize((1 - attention) * context, size) + resize(attention, size) * detail


def scales_agree(context: Tensor, detail: Tensor) -> Tensor:
    """(B, h, w) bool: where context (B, C, h/2, w/2) and detail (B, C, h, w) logits have the same
    most probable class."""
    return resize(context, detail.shape[2:]).argmax(dim=1) == detail.argmax(dim=1)
