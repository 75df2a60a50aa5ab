"""The draws of one iteration: detail box, ClassMix of DACS, kornia's jitter, blur."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from tests.hrda.plain.network import Box


def draw_box(side: int, detail: int) -> Box:
    lines = (side - detail + 1) // 8
    y, x = int(torch.randint(0, lines, ())), int(torch.randint(0, lines, ()))
    return 8 * y, 8 * x, detail, detail


def draw_masks(labels: Tensor) -> Tensor:
    """(B, H, W): half of the values of the minibatch, rounded up, drawn for each crop."""
    classes = torch.unique(labels)
    masks = torch.zeros(labels.shape, dtype=torch.bool)
    for row, label in enumerate(labels):
        chosen = torch.randperm(len(classes))[: (len(classes) + len(classes) % 2) // 2]
        for index in chosen:
            masks[row] |= label == classes[index]
    return masks


def augment(image: Tensor, strength: float, jitter_chance: float, blur_chance: float) -> Tensor:
    """Jitter and blur of (B, 3, H, W) in 0..255; whether at all is drawn once."""
    chances = torch.rand(2)
    done = []
    for picture in image:
        if chances[0] < jitter_chance:
            factors = strength * (2 * torch.rand(4) - 1)
            picture = picture / 255
            for row in torch.randperm(4).tolist():
                picture = changed(picture, row, float(factors[row])).clamp(0, 1)
            picture = picture * 255
        if chances[1] < blur_chance:
            picture = blurred(picture, 0.15 + float(torch.rand(())))
        done.append(picture)
    return torch.stack(done)


def changed(picture: Tensor, kind: int, factor: float) -> Tensor:
    if kind == 0:
        return picture + factor
    if kind == 1:
        return picture * (1 + factor)
    hue, saturation, value = to_hsv(picture)
    if kind == 2:
        saturation = (saturation * (1 + factor)).clamp(0, 1)
    else:
        hue = (hue + 6 * factor) % 6
    return to_rgb(hue, saturation, value)


def to_hsv(picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in sixths of the colour circle, counted from the strongest colour."""
    r, g, b = picture
    high, low = picture.amax(0), picture.amin(0)
    d = torch.where(high == low, torch.ones_like(high), high - low)
    hue = torch.where(high == r, (g - b) / d % 6, 4 + (r - g) / d)
    hue = torch.where((high == g) & (high != r), 2 + (b - r) / d, hue)
    saturation = torch.where(high == 0, torch.zeros_like(high), (high - low) / high.clamp(1e-12))
    return hue, saturation, high


def to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The six sectors of the colour circle, one after the other."""
    sector, rest = torch.floor(hue) % 6, hue - torch.floor(hue)
    p, q = value * (1 - saturation), value * (1 - saturation * rest)
    t = value * (1 - saturation * (1 - rest))
    sectors = [(value, t, p), (q, value, p), (p, value, t), (p, q, value), (t, p, value),
               (value, p, q)]  # fmt: skip
    picture = torch.zeros(3, *hue.shape)
    for index, colours in enumerate(sectors):
        picture = torch.where(sector == index, torch.stack(colours), picture)
    return picture


def blurred(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur; the kernel's odd side is about a tenth of the picture's."""
    tenth = math.ceil(0.1 * picture.shape[1])
    reach = math.floor(tenth - 0.5 + tenth % 2) // 2
    taps = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(-reach, reach + 1)]
    height, width = picture.shape[1:]
    wide = pad(picture, [reach] * 4, mode="reflect")
    rows = torch.zeros(3, height, width + 2 * reach)
    for k, tap in enumerate(taps):
        rows += tap / sum(taps) * wide[:, k : k + height]
    done = torch.zeros(3, height, width)
    for k, tap in enumerate(taps):
        done += tap / sum(taps) * rows[:, :, k : k + width]
    return done
