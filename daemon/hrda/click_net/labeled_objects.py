"""The objects that the click network learns: connected parts of people's labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from daemon.clicks.click import Picture, PriorMap
from daemon.domain import IGNORE, Mask
from daemon.hrda.click_net.click_crops import Box

MIN_AREA_PX = 60


@dataclass(frozen=True, kw_only=True)
class LabeledPicture:
    """A picture (H, W, 3) with its label (H, W). prior: of a model that did not learn from it."""

    image: Picture
    label: Mask
    prior: PriorMap | None = None

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Where there is a label."""
        return self.label != IGNORE


@dataclass(frozen=True, kw_only=True)
class LabeledObject:
    """One object: an 8-connected part of one class. picture: the row of its picture. inside: its
    pixels within its box."""

    picture: int
    class_index: int
    area_px: int
    box: Box
    inside: npt.NDArray[np.bool_]


def objects_of(pictures: Sequence[LabeledPicture], classes: int) -> list[LabeledObject]:
    """Every object of MIN_AREA_PX or more, of all classes but the background."""
    return [
        found
        for row, picture in enumerate(pictures)
        for index in range(1, classes)
        for found in _parts(row, index, picture.label)
    ]


def _parts(row: int, index: int, label: Mask) -> list[LabeledObject]:
    inside = (label == index).astype(np.uint8)
    if not inside.any():
        return []
    count, parts, numbers, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    return [
        LabeledObject(
            picture=row,
            class_index=index,
            area_px=int(area),
            box=Box(left=int(x), top=int(y), right=int(x + width), bottom=int(y + height)),
            inside=parts[y : y + height, x : x + width] == number,
        )
        for number in range(1, count)
        for x, y, width, height, area in (numbers[number],)
        if area >= MIN_AREA_PX
    ]
