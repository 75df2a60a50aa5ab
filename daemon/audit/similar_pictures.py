"""Pictures that show nearly the same: a camera that stands still, one picture saved twice.

A picture is kept as 64 bits, whether each of 8x8 cells is darker than its right neighbour (dHash),
and as 32x32 grey values. Two are alike where at most MAX_BITS bits differ and the grey values
correlate by more than MIN_CORRELATION.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

MAX_BITS = 4
MIN_CORRELATION = 0.98
THUMBNAIL_PX, CELLS = 32, 8
BLOCK = 256  # pictures that are compared with all others at once
MOST_CANDIDATES = 64  # of a picture: those with the fewest differing bits have their grey compared
Picture = npt.NDArray[np.uint8]


@dataclass(kw_only=True)
class SimilarPictures:
    """Takes in pictures one by one; about 1 KiB of each is kept."""

    _bits: list[int] = field(default_factory=list)
    _thumbnails: list[Picture] = field(default_factory=list)

    def add(self, picture: Picture) -> None:
        """Take in a picture (H, W, 3); its number is how many came before."""
        grey = Pillow.fromarray(picture).convert("L")
        cells = np.asarray(grey.resize((CELLS + 1, CELLS), Pillow.Resampling.BOX))
        darker = np.packbits(cells[:, :-1] < cells[:, 1:])
        self._bits.append(int(darker.view(np.uint64)[0]))
        size = (THUMBNAIL_PX, THUMBNAIL_PX)
        self._thumbnails.append(np.asarray(grey.resize(size, Pillow.Resampling.BOX)))

    def nearest(self, most: int) -> list[list[int]]:
        """Of each picture the numbers of at most `most` others that are alike, the most similar
        first. Pictures of one colour are like no other: there is nothing to compare."""
        bits = np.array(self._bits, np.uint64)
        found: list[list[int]] = []
        for start in range(0, len(bits), BLOCK):
            differing = np.bitwise_count(bits[start : start + BLOCK, None] ^ bits[None])
            for row, counts in enumerate(differing):
                counts[start + row] = 2 * bits.itemsize * 8  # not itself
                found.append(self._alike(start + row, counts, most))
        return found

    def _alike(self, number: int, differing: npt.NDArray[np.uint8], most: int) -> list[int]:
        near = np.flatnonzero(differing <= MAX_BITS)
        near = near[np.argsort(differing[near], kind="stable")[:MOST_CANDIDATES]]
        if not near.size:
            return []
        own, *others = (self._grey(one) for one in (number, *near))
        correlation = np.stack(others) @ own
        order = np.argsort(-correlation, kind="stable")
        found = near[order[correlation[order] > MIN_CORRELATION]][:most]
        return [int(one) for one in found]

    def _grey(self, number: int) -> npt.NDArray[np.float64]:
        """(1024,): the grey values around their mean, of length 1; zeros for a plain picture."""
        values = self._thumbnails[number].astype(np.float64).ravel()
        values -= values.mean()
        length = float(np.linalg.norm(values))
        return values / length if length else values
