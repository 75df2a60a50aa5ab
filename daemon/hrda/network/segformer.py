"""SegFormer on the same encoder: the baseline for HRDA.

Xie et al., SegFormer, NeurIPS 2021: four maps, each through a 1x1 convolution, resized,
concatenated and fused by another one. One scale, the full one; no windows, no attention.
"""

from __future__ import annotations

import warnings

from torch import Tensor

from daemon.config.learner import Settings
from daemon.hrda.network.encoders import encoder_spec
from daemon.hrda.network.heads import CONTEXT_STRIDE, NORM
from daemon.hrda.network.mmlab import SegformerHead
from daemon.hrda.network.segmentor import (
    Branch,
    BranchResult,
    Logits,
    Segmentor,
    SlideResult,
    check_size,
    inputs_of,
)
from daemon.hrda.network.windows import Box


class SegFormer(Segmentor):
    """Logits of a crop at full scale.

    The detail window of a training pass is the whole crop, so that the losses of both scales add
    up to plain cross-entropy.
    """

    def __init__(self, settings: Settings, classes: int) -> None:
        super().__init__(settings)
        self.decoder = _head(settings, classes)

    def forward(self, image: Tensor, box: Box) -> Logits:
        """One training pass; `box` is ignored."""
        check_size(image)
        with self.autocast(image):
            features = self.encoder(self.normalised(image))
            logits = self.decoder(features).float()
        count, classes, height, width = logits.shape
        cells = CONTEXT_STRIDE // 4
        return Logits(
            fused=logits,
            detail=logits,
            context=logits,
            deepest=features[-1],
            attention=logits.new_ones(count, classes, height // cells, width // cells),
            box=Box(0, 0, image.shape[2], image.shape[3]),
        )

    def slide_inference(self, image: Tensor, window: int, stride: int) -> SlideResult:
        """The logits of the whole image at once; `window` and `stride` are ignored."""
        check_size(image)
        with self.autocast(image):
            features = self.encoder(self.normalised(image))
            logits = self.decoder(features).float()
        return SlideResult(fused=logits, features=tuple(x.float() for x in features))

    def branch_inference(self, image: Tensor, window: int, stride: int) -> BranchResult:
        """The same with its only branch, and the inputs of the last layer."""
        with inputs_of(self.decoder.conv_seg) as inputs:
            result = self.slide_inference(image, window, stride)
        return BranchResult(
            fused=result.fused,
            features=result.features,
            detail=Branch(logits=result.fused, inputs=inputs[0]),
        )

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """The encoder's maps at full scale, float32."""
        with self.autocast(image):
            return tuple(x.float() for x in self.encoder(self.normalised(image)))


def _head(settings: Settings, classes: int) -> SegformerHead:
    channels = encoder_spec(settings).channels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about losses of mmseg that are not used
        head = SegformerHead(
            in_channels=list(channels),
            in_index=list(range(len(channels))),
            channels=settings.width,
            num_classes=classes,
            dropout_ratio=settings.dropout,
            norm_cfg=NORM,
        )
    head.init_weights()
    return head
