"""The gaps of many images, by compiled loops. Imports numba, so import it where a pool is large.

What is compiled stays in memory: that costs two seconds a process, and needs no folder, which might
be read-only, missing, or written by two processes at once. The threads are those of
strategies/threads.py: numba ends the process where two threads start its own ones at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from strategies.base import FloatArray, IdArray
from strategies.distances import rounding
from strategies.threads import in_parts, thread_count

Gaps = npt.NDArray[np.float64]
TINY = 1e-35  # squares below this may have underflowed
NONE = -1
FEW = 2**22  # numbers that one thread compares before another has started
# Sums of float32 may be taken in any order here: they only show where float64 is needed.
_fast: Callable[..., Any] = numba.njit(nogil=True, fastmath={"reassoc", "contract", "nsz"})
_strict: Callable[..., Any] = numba.njit(nogil=True)


def compare(
    embeddings: FloatArray,
    rows: IdArray,
    centers: FloatArray,
    *,
    compared: npt.NDArray[np.int32],
    gap: Gaps,
    level: float = 0.0,
) -> float:
    """Compare images with the centers that are new to them; the largest of their gaps.

    embeddings: (N, D), and rows of it, (R,). centers: (L, D). Both float32, with contiguous rows.
    compared: (N,), the first so many centers are not new to a row. gap: (N,), to the nearest of
    these. Both are updated; a row whose gap falls below `level` is compared no further, and its gap
    is an upper bound then. -1 for no rows.
    """
    error = rounding(embeddings.shape[1], embeddings.dtype)

    def part(rows_here: slice) -> float:
        here = rows[rows_here]
        return float(_compare(embeddings, here, centers, compared, gap, level, error))

    work = len(rows) * embeddings.shape[1]
    return max(in_parts(part, len(rows), thread_count() if work > FEW else 1))


@_fast
def _about(one: Any, other: Any) -> Any:
    total = np.float32(0)
    for j in range(one.shape[0]):
        difference = one[j] - other[j]
        total += difference * difference
    return total


@_strict
def _exact(one: Any, other: Any) -> Any:
    """As `strategies.distances.exact_squared`, to the bit."""
    total = 0.0
    for j in range(one.shape[0]):
        difference = np.float64(one[j]) - np.float64(other[j])
        total += difference * difference
    return total


@_strict
def _compare(
    embeddings: Any, rows: Any, centers: Any, compared: Any, gap: Any, level: Any, error: Any
) -> Any:
    """The gap of a row lies in [low, high]; both are the same but while a center is pending, the
    nearest so far, of which only the float32 distance is known."""
    top, count = -1.0, len(centers)
    for row in rows:
        low = high = gap[row]
        place, pending, one = compared[row], NONE, embeddings[row]
        while place < count and high >= level:
            about = np.float64(_about(one, centers[place]))
            less, more = about * (1 - error) - TINY, about * (1 + error) + TINY
            if more < low:
                low, high, pending = less, more, place
            elif less < high or about == np.inf:  # where float32 overflows
                high = min(high, _exact(one, centers[place]))
                if pending != NONE:
                    high = min(high, _exact(one, centers[pending]))
                low, pending = high, NONE
            place += 1
        if pending != NONE and high < level:
            place = pending  # it comes first again if the level falls
        elif pending != NONE:
            high = _exact(one, centers[pending])
        gap[row], compared[row] = high, place
        top = max(top, high)
    return top
