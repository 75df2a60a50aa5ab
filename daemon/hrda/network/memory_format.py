"""The order of the numbers of a tensor in memory, for a whole network."""

from __future__ import annotations

import torch
from torch import nn

LEAST_CHANNELS = 8  # that a strided 1x1 convolution needs with channels last


def memory_format_of(net: nn.Module) -> torch.memory_format:
    """channels_last, which is up to twice as fast, unless a convolution of the network forbids it.

    On processors with AVX2 and without AVX-512 the gradient of the weights of a strided 1x1
    convolution of fewer than 8 channels writes beyond its memory (oneDNN in torch 2.13), and the
    process dies some time later.
    """
    if any(_is_unsafe(module) for module in net.modules()):
        return torch.contiguous_format
    return torch.channels_last


def _is_unsafe(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and tuple(module.kernel_size) == (1, 1)
        and max(module.stride) > 1
        and module.in_channels // module.groups < LEAST_CHANNELS
    )
