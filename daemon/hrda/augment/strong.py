"""The strong augmentation of a minibatch that a student learns from: jitter and blur by a law.

The published law is that of DACS (Tranheden et al., WACV 2021) with kornia's ColorJitter:
brightness is added, contrast multiplies about black, saturation and hue are those of HSV, in an
order of their own. Images are (B, 3, H, W) in 0..255 and stay in it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from daemon.hrda.augment.colour_jitter import BLUR_SIGMA, blur, jitter, softened
from daemon.hrda.settings import Settings


def strong(image: Tensor, settings: Settings) -> Tensor:
    """Jitter and blur as `strong_law` says.

    "image": each image has its own jitter, and is blurred or not. "published": whether there is
    jitter and whether there is blur is drawn once for all images.
    """
    if settings.strong_law == "image":
        return blur(jitter(image, settings.mixed_jitter), settings.blur)
    jitters, blurs = (
        torch.rand(2) < torch.tensor([settings.jitter_chance, settings.blur])
    ).tolist()
    strength = settings.mixed_jitter if jitters else 0.0
    return torch.stack([_published(picture, strength, blurs) for picture in image])


def _published(picture: Tensor, strength: float, blurs: bool) -> Tensor:
    """One (3, H, W) picture by its own factors, order of them and width of the blur."""
    if strength:
        changes = _changes(strength)
        picture = picture / 255
        for row in torch.randperm(len(changes)).tolist():
            picture = changes[row](picture).clamp(0, 1)
        picture = picture * 255
    if blurs:
        low, high = BLUR_SIGMA
        sigma = low + (high - low) * float(torch.rand(()))
        picture = softened(picture, sigma, "reflect", taps_of(picture.shape[1]))
    return picture


def taps_of(side: int) -> int:
    """The blur's width: the odd number nearest to a tenth of the side, at least 3."""
    tenth = -(-side // 10)
    return max(3, tenth - 1 + tenth % 2)


def _changes(strength: float) -> list[Callable[[Tensor], Tensor]]:
    """Brightness, contrast, saturation and hue, each by a factor within its strength."""
    bright, contrast, saturation, hue = (strength * (2 * torch.rand(4) - 1)).tolist()
    return [
        lambda x: x + bright,
        lambda x: x * (1 + contrast),
        lambda x: rgb_of(hsv_of(x) * x.new_tensor([1, 1 + saturation, 1]).view(3, 1, 1)),
        lambda x: rgb_of(hsv_of(x) + x.new_tensor([hue, 0, 0]).view(3, 1, 1)),
    ]


def hsv_of(picture: Tensor) -> Tensor:
    """(3, H, W) RGB in [0, 1] -> hue, in turns of the circle, saturation and value."""
    value, brightest = picture.max(dim=0)
    spread = value - picture.min(dim=0).values
    red, green, blue = (picture / torch.where(spread == 0, 1, spread)).unbind()
    sixths = torch.stack([green - blue, 2 + blue - red, 4 + red - green])
    hue = sixths.gather(0, brightest.unsqueeze(0))[0] / 6 % 1
    saturation = spread / torch.where(value == 0, 1, value)
    return torch.stack([hue, saturation, value])


def rgb_of(hsv: Tensor) -> Tensor:
    """The inverse of `hsv_of`; hues may lie beyond [0, 1), saturations are clamped to it."""
    hue, saturation, value = hsv.unbind()
    parts = []
    for shift in (5, 3, 1):  # of red, green and blue on the circle of six colours
        at = (shift + 6 * hue) % 6
        parts.append(torch.minimum(at, 4 - at).clamp(0, 1))
    return value * (1 - saturation.clamp(0, 1) * torch.stack(parts))
