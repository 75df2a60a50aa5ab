"""Positions of crops and windows. Coordinates: pixels of the given picture, y down, x right."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BOX_GRID_PX = 8  # stride 4 of the decoder, times 2 between the scales


@dataclass(frozen=True)
class Box:
    """A window: its upper left corner and its size, pixels."""

    y: int
    x: int
    height: int
    width: int

    @property
    def view(self) -> tuple[slice, slice]:
        """The rows and columns of the window, to index a picture (H, W, ...)."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def crop(self, maps: Tensor, scale: int = 1) -> Tensor:
        """The window of (..., H, W) maps at 1/scale of the picture's resolution: a view."""
        y, x = self.y // scale, self.x // scale
        return maps[..., y : y + self.height // scale, x : x + self.width // scale]


def random_detail_box(height: int, width: int, detail: int, positions: str = "all") -> Box:
    """A window of `detail` pixels at a random position on the grid of 8, by torch's generator.

    positions "published": never the last grid line; in a crop of 1024 pixels, a window of 512
    starts at 504 at most.
    """
    y, x = (
        int(torch.randint(0, _positions(side - detail, positions), ())) for side in (height, width)
    )
    return Box(y * BOX_GRID_PX, x * BOX_GRID_PX, detail, detail)


def _positions(room: int, positions: str) -> int:
    """How many positions a window has along one side with `room` pixels to spare."""
    if positions == "published":
        return max(1, (room + 1) // BOX_GRID_PX)
    return room // BOX_GRID_PX + 1


def window_starts(side: int, window: int, stride: int) -> list[int]:
    """First pixels of windows that cover `side`; the last window is shifted back inside."""
    count = max(side - window + stride - 1, 0) // stride + 1
    return [min(i * stride, max(side - window, 0)) for i in range(count)]


def sliding_windows(height: int, width: int, window: int, stride: int) -> list[Box]:
    """Windows that cover the picture, row by row; smaller where the picture is."""
    h, w = min(window, height), min(window, width)
    return [
        Box(y, x, h, w)
        for y in window_starts(height, h, stride)
        for x in window_starts(width, w, stride)
    ]
