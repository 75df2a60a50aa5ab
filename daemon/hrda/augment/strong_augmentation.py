"""Strong augmentation of unlabeled and mixed crops: colour jitter and blur.

The published variant is that of DACS (Tranheden et al., WACV 2021) with kornia's ColorJitter:
brightness is added, contrast multiplies, saturation and hue are those of HSV, in random order.
Images are (B, 3, H, W) in 0..255 and stay in this range.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from daemon.config.learner import Settings
from daemon.hrda.augment.colour_jitter import BLUR_SIGMA, gaussian_blur, jitter, random_blur


def strongly_augmented(image: Tensor, settings: Settings) -> Tensor:
    """Colour jitter and blur, by the setting `strong_law`.

    "image": each image has its own jitter, and is blurred or not. "published": whether to jitter
    and whether to blur is drawn once for all images.
    """
    if settings.strong_law == "image":
        return random_blur(jitter(image, settings.mixed_jitter), settings.blur)
    jittered, blurred = (
        torch.rand(2) < torch.tensor([settings.jitter_chance, settings.blur])
    ).tolist()
    strength = settings.mixed_jitter if jittered else 0.0
    return torch.stack([_published(picture, strength, blurred) for picture in image])


def _published(picture: Tensor, strength: float, blurred: bool) -> Tensor:
    """One (3, H, W) picture with random factors in random order, and a random sigma."""
    if strength:
        operations = _jitter_operations(strength)
        picture = picture / 255
        for row in torch.randperm(len(operations)).tolist():
            picture = operations[row](picture).clamp(0, 1)
        picture = picture * 255
    if blurred:
        low, high = BLUR_SIGMA
        sigma = low + (high - low) * float(torch.rand(()))
        picture = gaussian_blur(picture, sigma, "reflect", kernel_size(picture.shape[1]))
    return picture


def kernel_size(side: int) -> int:
    """Pixels of the blur's kernel: the odd number nearest to a tenth of the side, at least 3."""
    tenth = -(-side // 10)
    return max(3, tenth - 1 + tenth % 2)


def _jitter_operations(strength: float) -> list[Callable[[Tensor], Tensor]]:
    """Brightness, contrast, saturation and hue, each with a random factor within `strength`."""
    bright, contrast, saturation, hue = (strength * (2 * torch.rand(4) - 1)).tolist()
    return [
        lambda x: x + bright,
        lambda x: x * (1 + contrast),
        lambda x: _changed_hsv(x, 0.0, 1 + saturation),
        lambda x: _changed_hsv(x, hue, 1.0),
    ]


def _changed_hsv(picture: Tensor, turn: float, factor: float) -> Tensor:
    """(3, H, W) RGB in [0, 1] with its hue turned, in turns of the circle, and its saturation
    multiplied."""
    hue, saturation, value = rgb_to_hsv(picture).unbind()
    return hsv_to_rgb(torch.stack([hue + turn, saturation * factor, value]))


def rgb_to_hsv(picture: Tensor) -> Tensor:
    """(3, H, W) RGB in [0, 1] -> hue, in turns of the circle, saturation and value."""
    value, brightest = picture.max(dim=0)
    spread = value - picture.min(dim=0).values
    red, green, blue = (picture / torch.where(spread == 0, 1, spread)).unbind()
    sixths = torch.stack([green - blue, 2 + blue - red, 4 + red - green])
    hue = sixths.gather(0, brightest.unsqueeze(0))[0] / 6 % 1
    saturation = spread / torch.where(value == 0, 1, value)
    return torch.stack([hue, saturation, value])


def hsv_to_rgb(hsv: Tensor) -> Tensor:
    """The inverse of `hsv_of`; hues may lie beyond [0, 1), saturations are clamped to it."""
    hue, saturation, value = hsv.unbind()
    parts = []
    for shift in (5, 3, 1):  # of red, green and blue on the circle of six colours
        at = (shift + 6 * hue) % 6
        parts.append(torch.minimum(at, 4 - at).clamp(0, 1))
    return value * (1 - saturation.clamp(0, 1) * torch.stack(parts))
