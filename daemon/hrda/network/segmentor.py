"""The interface of every network: an encoder, a decoder, logits of crops and of whole images."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from daemon.config.learner import GRID_PX, Settings
from daemon.hrda.network.encoders import build_encoder, encoder_spec, load_imagenet
from daemon.hrda.network.mmlab import BaseDecodeHead, BaseModule
from daemon.hrda.network.windows import Box


@dataclass(frozen=True, kw_only=True)
class Logits:
    """The output of one training pass.

    fused: (B, C, H/4, W/4). detail: (B, C, h/4, w/4), of the box. context: (B, C, H/8, W/8),
    before the attention is applied. attention: (B, C or 1, H/8, W/8). deepest: the
    encoder's last map of the context.
    """

    fused: Tensor
    detail: Tensor
    context: Tensor
    attention: Tensor
    deepest: Tensor
    box: Box


@dataclass(frozen=True, kw_only=True)
class SlideResult:
    """The output of inference on whole images.

    fused: (B, C, H/4, W/4). features: the encoder's maps of the context, float32. scales_agree:
    (B, H/4, W/4) bool, where context and detail have the same most probable class; None unless the
    setting of this name is on and there are two scales.
    """

    fused: Tensor
    features: tuple[Tensor, ...]
    scales_agree: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One scale of a network: its logits (B, C, h, w), and the inputs (B, W, h, w) of the last
    layer, which is linear and makes them."""

    logits: Tensor
    inputs: Tensor


@dataclass(frozen=True, kw_only=True)
class BranchResult(SlideResult):
    """The same with its branches, before they are fused.

    detail: at 1/4. context: at 1/8, before the attention is applied; None for a network of one
    scale. attention: (B, C or 1, H/8, W/8), the weight of the detail; None without a context.
    """

    detail: Branch
    context: Branch | None = None
    attention: Tensor | None = None


class Segmentor(BaseModule):
    """Logits of crops and of whole images.

    Images are (B, 3, H, W) RGB in 0..255, H and W multiples of 64; they are normalised inside.
    bf16: run the networks under autocast; everything after them is float32. chunk: detail windows
    in one forward pass.
    """

    decoder: BaseDecodeHead  # its conv_seg has a row for each class

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        kind = encoder_spec(settings)
        self.encoder = build_encoder(settings)
        self.register_buffer("mean", torch.tensor(kind.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(kind.std).view(1, 3, 1, 1), persistent=False)
        self.settings = settings
        self.bf16 = False
        self.chunk = settings.chunk
        self.memory_format = torch.channels_last

    def load_imagenet(self) -> None:
        """Load the encoder's ImageNet weights as the settings say. Raises ConfigError."""
        load_imagenet(self.encoder, self.settings)

    @abstractmethod
    def forward(self, image: Tensor, box: Box) -> Logits:
        """One training pass with the detail window at `box`."""

    @abstractmethod
    def slide_inference(self, image: Tensor, window: int, stride: int) -> SlideResult:
        """The logits of whole images, by detail windows that lie `stride` pixels apart."""

    @abstractmethod
    def branch_inference(self, image: Tensor, window: int, stride: int) -> BranchResult:
        """The same with the logits of each branch, and the inputs of the last layer."""

    @abstractmethod
    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """The encoder's maps of the whole image, float32."""

    def normalised(self, image: Tensor) -> Tensor:
        """The image normalised as the encoder expects it, in the memory format of the network."""
        x = (image - self.mean) / self.std
        return x.contiguous(memory_format=self.memory_format)

    def autocast(self, image: Tensor) -> contextlib.AbstractContextManager[object]:
        """A context in which networks run in bf16, where `bf16` is set."""
        if not self.bf16:
            return contextlib.nullcontext()
        return torch.autocast(image.device.type, dtype=torch.bfloat16)


@contextlib.contextmanager
def inputs_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    """The input of each call of a layer, as long as the context is open."""
    inputs: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    try:
        yield inputs
    finally:
        hook.remove()


def check_size(image: Tensor) -> None:
    """Raises ValueError for (B, 3, H, W) images whose sides are no multiples of 64."""
    height, width = image.shape[2:]
    if height % GRID_PX or width % GRID_PX:
        raise ValueError(
            f"image of {height}x{width} pixels: expected multiples of {GRID_PX}; pad it first"
        )
