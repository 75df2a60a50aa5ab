"""Where crops and windows lie. Frame: pixels of the picture given, y down, x right."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BOX_GRID_PX = 8  # stride 4 of the decoder times 2 between the scales


@dataclass(frozen=True)
class Box:
    """A window: its upper left corner and its size, pixels."""

    y: int
    x: int
    height: int
    width: int

    @property
    def view(self) -> tuple[slice, slice]:
        """The rows and columns of a picture (H, W, ...) that lie in the window."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def cut(self, maps: Tensor, scale: int = 1) -> Tensor:
        """The window of (..., H, W) maps that are `scale` times smaller than its frame."""
        y, x = self.y // scale, self.x // scale
        return maps[..., y : y + self.height // scale, x : x + self.width // scale]


def detail_box(height: int, width: int, detail: int, law: str = "all") -> Box:
    """A window of `detail` pixels, uniform over the grid of 8, by torch's generator.

    law "published" never reaches the last grid line: of 512 pixels of room, 504 are used.
    """
    y, x = (int(torch.randint(0, _lines(side - detail, law), ())) for side in (height, width))
    return Box(y * BOX_GRID_PX, x * BOX_GRID_PX, detail, detail)


def _lines(room: int, law: str) -> int:
    """How many places a window has along one side."""
    if law == "published":
        return max(1, (room + 1) // BOX_GRID_PX)
    return room // BOX_GRID_PX + 1


def starts(side: int, window: int, stride: int) -> list[int]:
    """Where windows begin so that they cover `side`; the last one is shifted back inside."""
    count = max(side - window + stride - 1, 0) // stride + 1
    return [min(i * stride, max(side - window, 0)) for i in range(count)]


def sliding(height: int, width: int, window: int, stride: int) -> list[Box]:
    """Windows that cover the picture, row by row; smaller than `window` where it is."""
    h, w = min(window, height), min(window, width)
    return [Box(y, x, h, w) for y in starts(height, h, stride) for x in starts(width, w, stride)]
