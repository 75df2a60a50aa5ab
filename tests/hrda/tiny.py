"""The smallest learner and the smallest field: for tests that run it for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from daemon.config.learner import Settings, settings_of
from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.inference.whole_images import predict_image
from daemon.hrda.learning.learner import Learner
from daemon.hrda.network.hrda import Segmentor, build_segmentor
from daemon.runs.run_folder import ImageFile, LabeledFile

CLASSES = ("soil", "crop", "weed")
CHANGES: dict[str, Any] = {
    "encoder_weights": "none",
    "width": 8,
    "context_px": 64,
    "detail_px": 32,
    "detail_window_px": 32,
    "window_px": 128,
    "minibatch": 2,
    "unlabeled_minibatch": 2,
    "iterations": 4,
    "precision": "fp32",
}


def tiny(**changes: Any) -> Settings:
    return settings_of({**CHANGES, **changes})


def segmentor(seed: int = 0, **changes: Any) -> Segmentor:
    torch.manual_seed(seed)
    return build_segmentor(tiny(**changes), len(CLASSES))


def spread(net: Segmentor) -> Segmentor:
    """The network with logits that differ: those of random weights hardly do."""
    with torch.no_grad():
        net.decoder.conv_seg.weight.mul_(
            20_000 if net.settings.architecture == "segformer" else 200
        )
    return net.eval()


def several_classes(net: Segmentor) -> Segmentor:
    """The network with random weights whose masks hold several classes, for inference."""
    net = spread(net).requires_grad_(False)
    logits = predict_image(net, field(np.random.default_rng(128), 128)[0]).logits
    middle = logits.mean(dim=(1, 2))
    scale = (logits - middle[:, None, None]).std()
    net.decoder.conv_seg.weight /= scale
    net.decoder.conv_seg.bias.copy_((net.decoder.conv_seg.bias - middle) / scale)
    return net


def learner(seed: int = 0, **changes: Any) -> Learner:
    net = segmentor(seed, **changes)
    return Learner(net, net.settings, torch.tensor([0.8, 0.15, 0.05]), torch.full((3,), 8.0))


def field(rng: np.random.Generator, side: int = 96) -> tuple[Any, Any]:
    """Brown soil with a green disc (crop) and a small blue one (weed): (image, mask)."""
    mask = np.zeros((side, side), np.uint8)
    y, x = np.mgrid[:side, :side]
    for index, radius in ((1, side // 5), (2, side // 8)):
        cy, cx = rng.integers(radius, side - radius, 2)
        mask[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = index
    colours = np.array([[120, 90, 60], [60, 160, 60], [60, 60, 200]], np.float32)
    image = colours[mask] + rng.normal(0, 12, (side, side, 3))
    return image.clip(0, 255).astype(np.uint8), mask


def minibatch(seed: int = 0, images: int = 2, side: int = 64) -> Minibatch:
    rng = np.random.default_rng(seed)
    labeled = [field(rng, side) for _ in range(images)]
    others = [field(rng, side)[0] for _ in range(images)]
    return Minibatch(
        image=_stack([image for image, _ in labeled]),
        label=torch.from_numpy(np.stack([mask for _, mask in labeled])).long(),
        unlabeled=_stack(others),
        valid=torch.ones(images, side, side, dtype=torch.bool),
    )


def write_field(folder: Path, images: int, side: int = 96) -> list[LabeledFile]:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for row in range(images):
        image, mask = field(np.random.default_rng(row), side)
        Image.fromarray(image).save(folder / f"{row}.png")
        Image.fromarray(mask).save(folder / f"{row}-mask.png")
        files.append(
            LabeledFile(id=100 + row, image=folder / f"{row}.png", mask=folder / f"{row}-mask.png")
        )
    return files


def unlabeled(files: list[LabeledFile]) -> tuple[ImageFile, ...]:
    return tuple(ImageFile(id=file.id, image=file.image) for file in files)


def _stack(images: list[Any]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
