"""Distances between many images, a block of rows at a time: no buffer grows with N x M.

Blocks go in the order of the ids, so that shuffled rows meet the same matrix products. A product
of float32 is off by about 1e-6, so whoever compares such distances says how near a tie is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from strategies.base import IdArray
from strategies.checks import squared_norms

Numbers = npt.NDArray[np.floating[Any]]  # float32, or float64 where near ties matter
BoolArray = npt.NDArray[np.bool_]
BLOCK_NUMBERS = 2**18  # of one buffer: 1 MB in float32
SAMPLE_NUMBERS = 2**20  # of the images that stand for a large pool: 4 MB
MOST_SAMPLED = 4096
BRING_THREADS = {"numpy.linalg", "scipy.linalg", "sklearn.utils", "numba"}
MANY = 128  # rows, from which on numpy adds columns faster than the numbers of each row


@contextmanager
def one_thread() -> Iterator[None]:
    """Products and clusters in one thread: the same bits on any number of cores.

    Two threads wait for each other where other processes keep the cores busy: a product of such
    blocks took 10 times as long on 2 cores at load 9.
    """
    with _thread_pools(frozenset(BRING_THREADS & sys.modules.keys())).limit(limits=1):
        yield


@cache
def _thread_pools(loaded: frozenset[str]) -> Any:
    """The thread pools of the process; to look for them takes milliseconds. loaded: the modules
    that bring some."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


class Points:
    """Images that many others are compared with: (M, D)."""

    def __init__(self, rows: Numbers) -> None:
        self._rows, self._norms = rows, squared_norms(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def squared_distances(self, rows: Numbers) -> Numbers:
        """Of each of B rows (B, D) to each point: (B, M), in the precision of what is given."""
        squared: Numbers = rows @ self._rows.T  # (B, M)
        squared *= -2
        squared += self._norms
        squared += squared_norms(rows)[:, None]
        np.maximum(squared, 0, out=squared)  # rounding may leave -1e-7
        return squared


def exact_squared(rows: Numbers, centers: Numbers) -> npt.NDArray[np.float64]:
    """Squared distance of each row (B, D) to a center, (D,) or one a row (B, D): (B,).

    The one definition of a distance that decides between near ties: differences, squares and
    their sum in float64, summed in the order of the numbers, each rounded by itself. So it is
    the same on any machine, wherever the row stands, and 0 for copies.
    """
    squares = np.subtract(rows, centers, dtype=np.float64)
    squares *= squares
    if squares.size > 0 and len(squares) < MANY:
        return np.add.accumulate(squares, axis=1)[:, -1]
    total = np.zeros(len(squares))
    for column in squares.T:
        total += column
    return total


def rounding(dimensions: int, dtype: np.dtype[Any]) -> float:
    """How far a sum of D squared differences in this precision may be off, over its size."""
    return (dimensions + 8) * float(np.finfo(dtype).eps)


def product_error(rows: Numbers, centers: Numbers) -> float:
    """How far |x|² + |c|² - 2 x·c of any row (N, D) and center (L, D) may be off.

    inf where the numbers are so large that it may overflow.
    """
    largest = max(float(squared_norms(some).max(initial=0)) for some in (rows, centers))
    if largest > np.finfo(rows.dtype).max / 16:
        return float(np.inf)
    return 4 * largest * rounding(rows.shape[1], rows.dtype)


def blocks(rows: IdArray, width: int) -> Iterator[IdArray]:
    """Cut rows (N,) into pieces, of which one with `width` numbers a row fits a buffer."""
    size = max(1, BLOCK_NUMBERS // max(1, width))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def sample(
    rows: IdArray, dimensions: int, rng: np.random.Generator, most: int = MOST_SAMPLED
) -> IdArray:
    """At most `most` of the rows (N,), uniform, in the order given; all of them where they fit.

    Fewer where an embedding has so many dimensions that they would take more than 4 MB.
    """
    limit = min(most, max(1, SAMPLE_NUMBERS // max(1, dimensions)))
    if len(rows) <= limit:
        return rows
    return rows[np.sort(rng.choice(len(rows), size=limit, replace=False))]
