"""SegFormer's encoder MiT-B0 by NVIDIA's names of its tensors, straight from the equations.

Xie et al., NeurIPS 2021. The norms of patch embeddings and of reduced keys have eps 1e-5, as
NVIDIA's; mmseg's have 1e-6 everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import conv2d, gelu, layer_norm, linear

HEADS, REDUCTIONS, DEPTHS = (1, 2, 5, 8), (8, 4, 2, 1), (2, 2, 2, 2)
Weights = Mapping[str, Tensor]


def features(weights: Weights, x: Tensor) -> list[Tensor]:
    """(B, 3, H, W), normalised -> four maps at strides 4, 8, 16 and 32."""
    found = []
    for stage in range(4):
        name, stride = f"patch_embed{stage + 1}", 4 if stage == 0 else 2
        kernel = 7 if stage == 0 else 3
        x = conv2d(x, *pair(weights, f"{name}.proj"), stride=stride, padding=kernel // 2)
        size = x.shape[2:]
        tokens = normed(weights, f"{name}.norm", to_tokens(x), 1e-5)
        for row in range(DEPTHS[stage]):
            block = f"block{stage + 1}.{row}"
            inner = normed(weights, f"{block}.norm1", tokens, 1e-6)
            tokens = tokens + attention(weights, f"{block}.attn", inner, size, stage)
            inner = normed(weights, f"{block}.norm2", tokens, 1e-6)
            tokens = tokens + mlp(weights, f"{block}.mlp", inner, size)
        x = to_map(normed(weights, f"norm{stage + 1}", tokens, 1e-6), size)
        found.append(x)
    return found


def attention(weights: Weights, name: str, x: Tensor, size: torch.Size, stage: int) -> Tensor:
    heads, reduction = HEADS[stage], REDUCTIONS[stage]
    count, length, channels = x.shape
    source = x
    if reduction > 1:
        small = conv2d(to_map(x, size), *pair(weights, f"{name}.sr"), stride=reduction)
        source = normed(weights, f"{name}.norm", to_tokens(small), 1e-5)
    each = channels // heads
    query = linear(x, *pair(weights, f"{name}.q"))
    key_value = linear(source, *pair(weights, f"{name}.kv"))
    done = torch.empty(count, length, channels)
    for head in range(heads):
        own = slice(head * each, (head + 1) * each)
        key = key_value[:, :, :channels][:, :, own]
        value = key_value[:, :, channels:][:, :, own]
        weight = (query[:, :, own] @ key.transpose(1, 2) / each**0.5).softmax(dim=2)
        done[:, :, own] = weight @ value
    return linear(done, *pair(weights, f"{name}.proj"))


def mlp(weights: Weights, name: str, x: Tensor, size: torch.Size) -> Tensor:
    x = linear(x, *pair(weights, f"{name}.fc1"))
    local = pair(weights, f"{name}.dwconv.dwconv")
    x = to_tokens(conv2d(to_map(x, size), *local, padding=1, groups=x.shape[2]))
    return linear(gelu(x), *pair(weights, f"{name}.fc2"))


def pair(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def normed(weights: Weights, name: str, x: Tensor, eps: float) -> Tensor:
    return layer_norm(x, x.shape[-1:], *pair(weights, name), eps)


def to_tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def to_map(x: Tensor, size: torch.Size) -> Tensor:
    return x.transpose(1, 2).reshape(len(x), -1, *size)
