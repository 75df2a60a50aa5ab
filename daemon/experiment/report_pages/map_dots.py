"""Where the dots of a map of images lie, in pixels of its SVG (image_map.html). Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MAP_PX, MARGIN_PX = 640, 24
MOST_DOTS = 3000  # of the other images: more make the page slow


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A place on the map, in px. kind: "other", "excluded" or "pick"; rank: of a pick."""

    x: float
    y: float
    kind: str
    rank: int = 0


def map_dots(
    places: npt.NDArray[np.float32], picks: Sequence[int], excluded: Collection[int]
) -> list[Dot]:
    """The chosen images last, so that they lie on top; of the others at most 3000, every k-th.

    places: (N, 2), N at least 1. picks: rows, best first. excluded: rows.
    """
    wide = places.astype(np.float64)
    low, high = wide.min(axis=0), wide.max(axis=0)
    inner = MAP_PX - 2 * MARGIN_PX
    shares = (wide - low) / np.maximum(high - low, 1e-9)
    shares[:, 1] = 1 - shares[:, 1]  # y of SVG grows downwards
    xy = np.round(MARGIN_PX + shares * inner, 1)
    chosen = set(picks)
    others = [row for row in range(len(places)) if row not in chosen]
    every = -(-len(others) // MOST_DOTS) or 1
    dots = [
        Dot(x=xy[row, 0], y=xy[row, 1], kind="excluded" if row in excluded else "other")
        for row in others[::every]
    ]
    return dots + [
        Dot(x=xy[row, 0], y=xy[row, 1], kind="pick", rank=rank) for rank, row in enumerate(picks, 1)
    ]
