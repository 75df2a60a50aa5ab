"""Colour jitter and Gaussian blur. Labels and weights are not changed.

Brightness, contrast, saturation and hue are all affine in RGB, so one 3x4 matrix an image applies
them at once. Images are (B, 3, H, W) in 0..255 and stay in this range.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from daemon.hrda.device import to_device

GRAY = (0.299, 0.587, 0.114)
TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
BLUR_SIGMA = (0.15, 1.15)
BLUR_TAPS = 11  # 4 sigma on each side


def jitter(image: Tensor, strength: float) -> Tensor:
    """Change brightness, contrast, saturation and hue of each image by random factors.

    strength 0 changes nothing; 0.3 means factors in 1 +- 0.3 and a hue rotation within +- 0.3 * 45
    degrees: hue distinguishes crop from soil.
    """
    if strength == 0:
        return image
    matrices, factors = [], []
    for _ in image:
        bright, contrast, saturation, hue = (2 * torch.rand(4) - 1).tolist()
        matrix = _saturation(1 + strength * saturation) @ _hue(strength * hue * math.pi / 4)
        matrices.append(matrix * (1 + strength * contrast))
        factors.append(1 + strength * bright)
    matrix = to_device(torch.stack(matrices), image.device)  # (B, 3, 3)
    factor = to_device(torch.tensor(factors), image.device).view(-1, 1, 1)
    flat = image.flatten(2)  # (B, 3, H * W)
    mean = flat.mean(dim=(1, 2), keepdim=True)
    return (matrix @ (flat - mean) + mean * factor).clamp(0, 255).view_as(image)


def random_blur(image: Tensor, probability: float) -> Tensor:
    """Gaussian blur of each image with this probability, sigma 0.15 to 1.15 pixels."""
    if probability == 0:
        return image
    blurred = []
    for picture in image:
        chance, sigma = torch.rand(2).tolist()
        if chance < probability:
            sigma = BLUR_SIGMA[0] + (BLUR_SIGMA[1] - BLUR_SIGMA[0]) * sigma
            picture = gaussian_blur(picture, sigma)
        blurred.append(picture)
    return torch.stack(blurred)


def gaussian_blur(
    picture: Tensor, sigma: float, border: str = "replicate", taps: int = BLUR_TAPS
) -> Tensor:
    """A (3, H, W) picture blurred by sigma pixels with a kernel of `taps` values.

    border: how the picture continues outside ("replicate", "reflect").
    """
    reach = taps // 2
    at = torch.arange(-reach, reach + 1, dtype=picture.dtype, device=picture.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = kernel / kernel.sum()
    x = nn.functional.pad(picture.unsqueeze(1), [reach] * 4, mode=border)
    x = nn.functional.conv2d(x, kernel.view(1, 1, 1, -1))
    return nn.functional.conv2d(x, kernel.view(1, 1, -1, 1)).squeeze(1)


def _saturation(factor: float) -> Tensor:
    gray = torch.tensor(GRAY).expand(3, 3)
    return factor * torch.eye(3) + (1 - factor) * gray


def _hue(angle: float) -> Tensor:
    turn = torch.eye(3)
    turn[1:, 1:] = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    yiq = torch.tensor(TO_YIQ)
    return torch.linalg.inv(yiq) @ turn @ yiq
