"""Predictions worth correcting: specks and pinholes that nobody would draw are taken out. Pure.

Neighbours share an edge (4-connected). A *speck* is a region of one drawn class with fewer than
`min_region_px` pixels; specks that touch each other go together, and become the class that most
pixels along their outside have, or background where there is no outside. A *hole* is a region
of background with fewer than `fill_holes_px` pixels that does not reach the edge of the
picture, and becomes the class that most pixels around it have. Of two equally frequent classes
the lower index wins. Specks are taken out before holes are filled. No pixel of a region that
is large enough changes, and tidying twice changes nothing more.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.domain import IGNORE, Mask

Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]


def tidied(mask: Mask, *, min_region_px: int, fill_holes_px: int) -> Mask:
    """The mask without specks and holes. mask: (H, W); 0 px leaves either kind as it is.

    Pixels without a label (255) are neither.
    """
    return without_holes(without_specks(mask, min_region_px), fill_holes_px)


def without_specks(mask: Mask, min_region_px: int) -> Mask:
    """The mask with every region of a drawn class at least so large."""
    specks = np.zeros(mask.shape, np.bool_)
    for value in np.unique(mask):
        if value not in (0, IGNORE):
            regions = _regions(mask == value)
            specks |= (_sizes(regions) < min_region_px)[regions] & (regions > 0)
    return _absorbed(mask, _regions(specks))


def without_holes(mask: Mask, fill_holes_px: int) -> Mask:
    """The mask with every enclosed region of background at least so large."""
    regions = _regions(mask == 0)
    sizes = _sizes(regions)
    for edge in (regions[:1], regions[-1:], regions[:, :1], regions[:, -1:]):
        sizes[edge] = fill_holes_px  # open to the outside
    small = (sizes < fill_holes_px)[regions] & (regions > 0)
    return _absorbed(mask, _regions(small))


def _regions(flags: Flags) -> Labels:
    """(H, W): 1, 2, ... for the 4-connected regions, 0 outside."""
    labels, _ = ndimage.label(flags)
    return np.asarray(labels, np.int32)


def _sizes(regions: Labels) -> npt.NDArray[np.int64]:
    return np.bincount(regions.ravel())


def _absorbed(mask: Mask, regions: Labels) -> Mask:
    """Each region takes the most frequent class among the pixels that it shares an edge with."""
    count = int(regions.max(initial=0))
    if count == 0:
        return mask
    votes = np.zeros((count + 1) * IGNORE, np.int64)  # (region, class); 255 has no vote
    for inner, outer in _neighbours():
        inside, outside, value = regions[inner], regions[outer], mask[outer]
        border = (inside > 0) & (outside == 0) & (value != IGNORE)
        cast = inside[border].astype(np.int64) * IGNORE + value[border]
        votes += np.bincount(cast, minlength=votes.size)
    winner = votes.reshape(count + 1, IGNORE).argmax(axis=1).astype(np.uint8)
    return np.where(regions > 0, winner[regions], mask)


def _neighbours() -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Pairs of slices of an (H, W) array: each pixel, and its neighbour on one side."""
    every, first, last = slice(None), slice(None, -1), slice(1, None)
    below, right = ((first, every), (last, every)), ((every, first), (every, last))
    return [below, below[::-1], right, right[::-1]]
