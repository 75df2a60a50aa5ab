"""The objects of a mask: what people click on one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from daemon.clicks.click_window import BoolMap

SIZE_BINS_PX = (500, 2000)  # where one bin ends and the next begins


@dataclass(frozen=True, kw_only=True)
class MaskObject:
    """An 8-connected component of one class. label: its class. area: pixels. row, column: its first
    pixel, by rows."""

    label: int
    area: int
    row: int
    column: int

    @property
    def size_bin(self) -> int:
        """Its bin of SIZE_BINS_PX, 0 to 2."""
        return sum(self.area >= bound for bound in SIZE_BINS_PX)

    def inside(self, mask: npt.NDArray[np.uint8]) -> BoolMap:
        """(H, W): its pixels in the mask that it is of."""
        same = (mask == self.label).astype(np.uint8)
        labels = cv2.connectedComponents(same, connectivity=8)[1]
        return np.asarray(labels == labels[self.row, self.column], np.bool_)


def objects_of(
    mask: npt.NDArray[np.uint8], labels: int, *, min_area_px: int
) -> Iterator[MaskObject]:
    """The objects of classes 1 to `labels` - 1, class by class, by their first pixels."""
    for label in range(1, labels):
        same = (mask == label).astype(np.uint8)
        if not same.any():
            continue
        numbers, areas = cv2.connectedComponentsWithStats(same, connectivity=8)[1:3]
        found, first = np.unique(numbers, return_index=True)
        for number, at in zip(found.tolist(), first.tolist(), strict=True):
            area = int(areas[number, cv2.CC_STAT_AREA])
            if number and area >= min_area_px:
                row, column = divmod(at, mask.shape[1])
                yield MaskObject(label=label, area=area, row=row, column=column)


def bin_names() -> tuple[str, ...]:
    """The bins in words, smallest first."""
    small, large = SIZE_BINS_PX
    return f"< {small} px", f"{small} to {large} px", f">= {large} px"
