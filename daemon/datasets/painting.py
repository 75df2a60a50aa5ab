"""Objects painted over one another in the order of their list: the later one is on top."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from connectors.masks.shapes import Patch
from daemon.datasets.samples import NO_LABEL, Count, Labels, Repair

Inside = npt.NDArray[np.bool_]  # (H, W): the pixels of one object


class Canvas:
    """A mask while its objects are painted. size: (height_px, width_px)."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._values = np.zeros(size, np.uint16)
        self._counts: Counter[tuple[Repair, str]] = Counter()

    def paint(self, patch: Patch, value: int) -> None:
        """Give the pixels of an object their class; what lies under it is counted as overlap."""
        height_px, width_px = patch.inside.shape
        under = self._values[patch.top : patch.top + height_px, patch.left : patch.left + width_px]
        other = (under != 0) & (under != value) & (under != NO_LABEL)
        self.note(Repair.OVERLAP, int(np.count_nonzero(patch.inside & other)))
        self.note(Repair.CLIPPED, int(patch.is_clipped))
        self.note(Repair.EMPTY, int(not patch.inside.any()))
        under[patch.inside] = value

    def note(self, repair: Repair, number: int = 1, detail: str = "") -> None:
        """Count a repair; nothing is counted for 0."""
        if number:
            self._counts[repair, detail] += number

    def labels(self) -> Labels:
        """The mask, and what was repaired."""
        return Labels(
            values=self._values,
            repairs=[
                Count(repair=repair, detail=detail, number=number)
                for (repair, detail), number in self._counts.items()
            ],
        )


def pasted(inside: Inside, top: int, left: int, size: tuple[int, int]) -> Patch:
    """The part of an object that lies in the image. top, left: of `inside`, pixels, also negative.

    size: (height_px, width_px) of the image.
    """
    height_px, width_px = inside.shape
    rows = slice(min(max(-top, 0), height_px), max(min(height_px, size[0] - top), 0))
    columns = slice(min(max(-left, 0), width_px), max(min(width_px, size[1] - left), 0))
    kept = inside[rows, columns]
    return Patch(
        top=min(max(top, 0), size[0]),
        left=min(max(left, 0), size[1]),
        inside=kept,
        is_clipped=int(np.count_nonzero(kept)) < int(np.count_nonzero(inside)),
    )


def whole(inside: Inside) -> Patch:
    """An object given as a mask of the whole image."""
    return Patch(top=0, left=0, inside=inside, is_clipped=False)
