"""The square of an image that the click network sees, and what it sees there beside the picture.

A crop may reach beyond the image. Its maps have `px` places along a side, whose centres are spread
evenly over the crop, as cv2.resize spreads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from daemon.clicks.click import Click, FloatMap, ObjectProbability, Picture, PriorMap

Inside = npt.NDArray[np.bool_]

GREY = 127  # of what lies outside of the image
DISK_PX = 5.0  # radius of a click in the crop, as in RITM


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A square of the image. left, top: of its upper left pixel, may be negative. side: pixels."""

    left: int
    top: int
    side: int


@dataclass(frozen=True, kw_only=True)
class Box:
    """Pixels from (left, top) on, `right` and `bottom` excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> int:
        """The longer side."""
        return max(self.right - self.left, self.bottom - self.top)

    def crop(self, side: float) -> Crop:
        """The crop of about this side around its centre."""
        whole = max(1, round(side))
        return Crop(
            left=(self.left + self.right - whole) // 2,
            top=(self.top + self.bottom - whole) // 2,
            side=whole,
        )


def box_of(places: Iterable[tuple[int, int]]) -> Box:
    """The smallest box that holds the pixels (x, y), at least one."""
    xs, ys = zip(*places, strict=True)
    return Box(left=min(xs), top=min(ys), right=max(xs) + 1, bottom=max(ys) + 1)


def box_inside(inside: Inside, left: int = 0, top: int = 0) -> Box | None:
    """The smallest box with all that is inside, of a mask that begins at (left, top)."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        return None
    return Box(
        left=left + int(columns[0]),
        top=top + int(rows[0]),
        right=left + int(columns[-1]) + 1,
        bottom=top + int(rows[-1]) + 1,
    )


def union(one: Box, other: Box | None) -> Box:
    """The smallest box that holds both."""
    if other is None:
        return one
    return Box(
        left=min(one.left, other.left),
        top=min(one.top, other.top),
        right=max(one.right, other.right),
        bottom=max(one.bottom, other.bottom),
    )


def part_in(crop: Crop, whole: npt.NDArray[Any], outside: float) -> npt.NDArray[Any]:
    """(side, side, ...): the crop of an array of the image's size; `outside` beyond it."""
    height, width = whole.shape[:2]
    part = np.full((crop.side, crop.side, *whole.shape[2:]), outside, whole.dtype)
    top, left = max(0, crop.top), max(0, crop.left)
    bottom, right = min(height, crop.top + crop.side), min(width, crop.left + crop.side)
    if bottom > top and right > left:
        part[top - crop.top : bottom - crop.top, left - crop.left : right - crop.left] = whole[
            top:bottom, left:right
        ]
    return part


def resized(part: npt.NDArray[Any], px: int) -> npt.NDArray[Any]:
    """(px, px, ...): means where it becomes smaller, else linear."""
    how = cv2.INTER_AREA if px < part.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(part, (px, px), interpolation=how)


def picture_in(crop: Crop, image: Picture, px: int) -> Picture:
    """(px, px, 3): the picture in the crop, grey outside of the image."""
    return resized(part_in(crop, image, GREY), px)


def prior_in(crop: Crop, prior: PriorMap | None, px: int) -> FloatMap:
    """(px, px) in -0.5..0.5: the prior minus 0.5, so that 0 says nothing. Its border goes on
    outside of the image."""
    if prior is None:
        return np.zeros((px, px), np.float32)
    scale = crop.side / px / prior.stride
    at_x = (crop.left + 0.5 * crop.side / px) / prior.stride - 0.5
    at_y = (crop.top + 0.5 * crop.side / px) / prior.stride - 0.5
    found = cv2.warpAffine(
        prior.values,
        np.array([[scale, 0, at_x], [0, scale, at_y]]),
        (px, px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return found.astype(np.float32) / np.float32(255) - np.float32(0.5)


def probability_in(crop: Crop, found: ObjectProbability | None, px: int) -> FloatMap:
    """(px, px) in 0..1: an answer as the crop shows it."""
    if found is None:
        return np.zeros((px, px), np.float32)
    moved = Crop(left=crop.left - found.left, top=crop.top - found.top, side=crop.side)
    return np.asarray(resized(part_in(moved, found.values, 0.0), px), np.float32)


def disks_in(crop: Crop, clicks: Iterable[Click], px: int) -> tuple[FloatMap, FloatMap]:
    """Two (px, px) maps, of the positive and of the negative clicks: 1 within DISK_PX of one."""
    scale = px / crop.side
    y, x = np.ogrid[:px, :px]
    maps = np.zeros((2, px, px), np.float32)
    for click in clicks:
        at_x = (click.x - crop.left + 0.5) * scale - 0.5
        at_y = (click.y - crop.top + 0.5) * scale - 0.5
        maps[0 if click.positive else 1][(x - at_x) ** 2 + (y - at_y) ** 2 <= DISK_PX**2] = 1
    return maps[0], maps[1]


def back_to_image(crop: Crop, values: FloatMap, size: tuple[int, int]) -> ObjectProbability:
    """The values (n, n) of the crop as an answer about an image of this (height, width)."""
    large = cv2.resize(values, (crop.side, crop.side), interpolation=cv2.INTER_LINEAR)
    top, left = max(0, crop.top), max(0, crop.left)
    bottom, right = min(size[0], crop.top + crop.side), min(size[1], crop.left + crop.side)
    part = large[top - crop.top : bottom - crop.top, left - crop.left : right - crop.left]
    return ObjectProbability(left=left, top=top, values=np.ascontiguousarray(part))
