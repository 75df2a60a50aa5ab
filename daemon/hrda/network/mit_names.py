"""SegFormer's encoder: NVIDIA's names of its tensors, which HRDA loads too -> mmseg's names.

| NVIDIA | mmseg |
|---|---|
| patch_embed1.proj, patch_embed1.norm | layers.0.0.projection, layers.0.0.norm |
| block1.0.norm1, block1.0.norm2 | layers.0.1.0.norm1, layers.0.1.0.norm2 |
| block1.0.attn.q, block1.0.attn.kv | layers.0.1.0.attn.attn.in_proj_: query, key, value in rows |
| block1.0.attn.proj | layers.0.1.0.attn.attn.out_proj |
| block1.0.attn.sr, block1.0.attn.norm | layers.0.1.0.attn.sr, layers.0.1.0.attn.norm |
| block1.0.mlp.fc1, .dwconv.dwconv, .fc2 | layers.0.1.0.ffn.layers.0, .1, .4: 1x1 convolutions |
| norm1 | layers.0.2 |
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

FIRST = "patch_embed1.proj.weight"  # NVIDIA's name of the first tensor
_STAGE = re.compile(r"(patch_embed|block|norm)([1-4])\.(.+)")
_PLACE = {"patch_embed": 0, "block": 1, "norm": 2}
_RENAMED = {
    "proj.": "projection.",  # of a patch embedding
    "attn.proj.": "attn.attn.out_proj.",
    "mlp.fc1.": "ffn.layers.0.",
    "mlp.dwconv.dwconv.": "ffn.layers.1.",
    "mlp.fc2.": "ffn.layers.4.",
}
_QUERY, _KEY_VALUE, _JOINED = "attn.q.", "attn.kv.", "attn.attn.in_proj_"
_PART = re.compile(r"((?:\d+\.)?)(.+)")  # the number of the block, and the rest


def mmseg_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under mmseg's names; those with other names keep them."""
    found = {}
    for name, tensor in tensors.items():
        stage = _STAGE.fullmatch(name)
        if stage is None:
            found[name] = tensor
            continue
        kind, number, rest = stage.groups()
        block, part = _split(rest)
        place = f"layers.{int(number) - 1}.{_PLACE[kind]}.{block}"
        if part.startswith(_QUERY):
            found[place + part.replace(_QUERY, _JOINED)] = _joined(
                tensor, tensors.get(name.replace(_QUERY, _KEY_VALUE))
            )
        elif not part.startswith(_KEY_VALUE):
            found[place + _renamed(part)] = _as_convolution(part, tensor)
    return found


def _split(rest: str) -> tuple[str, str]:
    match = _PART.fullmatch(rest)
    return (match[1], match[2]) if match else ("", rest)


def _renamed(part: str) -> str:
    for old, new in _RENAMED.items():
        if part.startswith(old):
            return new + part.removeprefix(old)
    return part


def _joined(query: Tensor, key_value: Tensor | None) -> Tensor:
    """Query, key and value in one tensor; the query alone where the others do not fit to it."""
    if key_value is None or query.shape[1:] != key_value.shape[1:] or not query.ndim:
        return query
    return torch.cat([query, key_value])


def _as_convolution(part: str, tensor: Tensor) -> Tensor:
    """The weight of a linear layer of the MLP as that of a 1x1 convolution."""
    linear = part in ("mlp.fc1.weight", "mlp.fc2.weight")
    return tensor[:, :, None, None] if linear and tensor.ndim == 2 else tensor
