"""What a training of each preset keeps in memory, counted without allocating it.

    .venv/bin/python tests/benchmarks/memory.py
    .venv/bin/python tests/benchmarks/memory.py --preset gpu --set encoder=mit_b2 --set minibatch=2

The network stands on torch's meta device; hooks on the tensors that autograd saves add up the
bytes that one forward pass with its loss keeps for its backward pass, in float32 (bf16 on a GPU
needs about half). `fixed` is student, gradients, AdamW's two moments and teacher. What the
allocator, the teacher's pass and cuDNN take comes on top: plan for twice the sum. One JSON line a
preset; GiB.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import torch
from torch import Tensor, nn

from daemon.config.learner import PRESETS, Settings, settings_of
from daemon.hrda.network.heads import resize
from daemon.hrda.network.hrda import build_segmentor
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.network.windows import Box

CLASSES = 3
COPIES = 5  # of the weights: student, gradients, two moments, teacher
GIB = 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=tuple(PRESETS), action="append")
    parser.add_argument("--set", dest="changes", default=[], action="append")
    options = parser.parse_args()
    changes = dict(read(change) for change in options.changes)
    for preset in options.preset or PRESETS:
        print(json.dumps(footprint(settings_of({"preset": preset, **changes}))))


def read(change: str) -> tuple[str, Any]:
    name, _, value = change.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def footprint(settings: Settings) -> dict[str, Any]:
    net = build_segmentor(settings, CLASSES).to("meta").train()
    parameters = sum(p.numel() for p in net.parameters())
    fixed = parameters * 4 * COPIES / GIB
    saved = kept_bytes(net, settings.minibatch) / GIB
    return {
        "preset": settings.preset,
        "encoder": settings.encoder,
        "context_px": settings.context_px,
        "minibatch": settings.minibatch,
        "parameters_millions": round(parameters / 1e6, 2),
        "fixed": round(fixed, 2),
        "activations": round(saved, 2),
        "activations_of_one_crop": round(kept_bytes(net, 1) / GIB, 2),
        "sum": round(fixed + saved, 2),
    }


def kept_bytes(net: Segmentor, crops: int) -> int:
    """Of all that autograd saves in one labeled pass, the weights apart."""
    settings = net.settings
    weights = {storage(tensor) for tensor in net.state_dict().values()}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)  # or its place would be given to another
        found[storage(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    kept: list[Tensor] = []
    side, detail = settings.context_px, settings.detail_px
    with torch.device("meta"), torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        image = torch.empty(crops, 3, side, side)
        label = torch.empty(crops, side, side, dtype=torch.int64)
        logits = net(image, Box(0, 0, detail, detail))
        for part, truth in ((logits.fused, label), (logits.detail, logits.box.crop(label))):
            nn.functional.cross_entropy(resize(part, truth.shape[1:]), truth)
    return sum(size for place, size in found.items() if place not in weights)


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


if __name__ == "__main__":
    main()
