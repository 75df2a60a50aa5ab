"""The crop around clicks: which part of the image it is, and how pixels get in and out.

Pixel centres lie at half numbers, as in OpenCV: a crop that is scaled has no shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from daemon.clicks.click import Click, FloatMap, ObjectProbability, Picture, PriorMap

MARGIN = 1.4  # of the box of the object, as in RITM's zoom-in
LEAST_PX = 128  # of the image along a side
MOST_CELLS = 192  # of the crop along a side

AnyNumber = TypeVar("AnyNumber", np.uint8, np.float32)
BoolMap = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ClickWindow:
    """A crop of an image as an engine sees it.

    left, top, width, height: in pixels of the image. rows, columns: cells of the crop; fewer than
    pixels where a large object is scaled down, never more.
    """

    left: int
    top: int
    width: int
    height: int
    rows: int
    columns: int

    @property
    def view(self) -> tuple[slice, slice]:
        """The pixels of the image."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )

    def cell(self, x: int, y: int) -> tuple[int, int] | None:
        """(row, column) of the cell that holds a pixel of the image; None outside of the crop."""
        across, down = x - self.left, y - self.top
        if not (0 <= across < self.width and 0 <= down < self.height):
            return None
        return (
            (2 * down + 1) * self.rows // (2 * self.height),
            (2 * across + 1) * self.columns // (2 * self.width),
        )

    def picture(self, image: Picture) -> Picture:
        """(rows, columns, 3): the image in the crop."""
        return np.asarray(self._reduced(np.ascontiguousarray(image[self.view])), np.uint8)

    def reduced(self, values: FloatMap) -> FloatMap:
        """(height, width) of the crop -> (rows, columns)."""
        return np.asarray(self._reduced(np.ascontiguousarray(values, np.float32)), np.float32)

    def prior(self, prior: PriorMap) -> FloatMap:
        """(rows, columns) in 0..1: a prior map in the crop, linear between its squares."""
        x, y = (
            (np.arange(cells, dtype=np.float32) + 0.5) * (side / cells) + first
            for cells, side, first in (
                (self.columns, self.width, self.left),
                (self.rows, self.height, self.top),
            )
        )
        across, down = np.meshgrid(x / prior.stride - 0.5, y / prior.stride - 0.5)
        found = cv2.remap(
            prior.values.astype(np.float32),
            across,
            down,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(found / 255, np.float32)

    def at_image_scale(self, values: FloatMap) -> FloatMap:
        """(rows, columns) -> (height, width), linear between cells."""
        if (self.rows, self.columns) == (self.height, self.width):
            return values
        size = (self.width, self.height)
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)

    def _reduced(self, values: npt.NDArray[AnyNumber]) -> npt.NDArray[AnyNumber]:
        if (self.rows, self.columns) == values.shape[:2]:
            return values
        size = (self.columns, self.rows)
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), values.dtype)


def window_around(
    clicks: Sequence[Click], before: ObjectProbability | None, size: tuple[int, int]
) -> ClickWindow:
    """The crop for clicks on an image of this (height, width).

    It holds the positive clicks and the object so far with a margin; clicks far from it may lie
    outside.
    """
    x, y = _extent(clicks, before)
    left, width = _side(x, size[1])
    top, height = _side(y, size[0])
    scale = min(1.0, MOST_CELLS / max(width, height))
    return ClickWindow(
        left=left,
        top=top,
        width=width,
        height=height,
        rows=max(1, round(height * scale)),
        columns=max(1, round(width * scale)),
    )


def _extent(
    clicks: Sequence[Click], before: ObjectProbability | None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last x, first and last y of the object so far and its positive clicks."""
    chosen = [click for click in clicks if click.positive]
    x, y = [click.x for click in chosen], [click.y for click in chosen]
    inside = before.values >= 0.5 if before is not None else np.zeros((0, 0), np.bool_)
    if before is not None and inside.any():
        columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
        x += [before.left + int(columns[0]), before.left + int(columns[-1])]
        y += [before.top + int(rows[0]), before.top + int(rows[-1])]
    if not x:  # an initial mask that is empty, and a negative click
        x, y = [click.x for click in clicks], [click.y for click in clicks]
    return (min(x), max(x)), (min(y), max(y))


def _side(extent: tuple[int, int], most: int) -> tuple[int, int]:
    """First pixel and length of a side of the crop, within an image of `most` pixels."""
    first, last = extent
    length = min(most, max(LEAST_PX, round((last - first + 1) * MARGIN)))
    start = (first + last + 1 - length) // 2
    return min(max(start, 0), most - length), length
