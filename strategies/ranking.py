"""The largest numbers first: what a strategy does that looks at one number an image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strategies.base import Pool


def largest_first(pool: Pool, values: npt.NDArray[np.number], n: int) -> list[int]:
    """Ids of the n images with the largest values (N,); equal ones by the lower id. O(N log N)."""
    order = np.lexsort((pool.ids, -values))
    return [int(image) for image in pool.ids[order[:n]]]


def places(values: npt.NDArray[np.number]) -> npt.NDArray[np.int64]:
    """The place of each image by its value (N,): 1 for the largest, the same for equal ones."""
    ordered = np.sort(values)
    found: npt.NDArray[np.int64] = 1 + len(ordered) - np.searchsorted(ordered, values, side="right")
    return found
