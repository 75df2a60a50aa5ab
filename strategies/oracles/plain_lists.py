"""What the oracles that rank, draw or cluster count with: plain loops over Python numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from strategies.base import Pool


def by_id(pool: Pool) -> list[int]:
    """Rows in the order of their ids."""
    return sorted(range(len(pool)), key=lambda row: int(pool.ids[row]))


def ids_of(pool: Pool, rows: Iterable[int]) -> list[int]:
    """The ids of rows."""
    return [int(pool.ids[row]) for row in rows]


def apart(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Euclidean distance, in float64."""
    return float(np.linalg.norm(np.subtract(a, b, dtype=np.float64)))


def ranked(pool: Pool, values: Iterable[float], n: int) -> list[int]:
    """Ids of the n largest values, one a row; equal ones by the lower id."""
    pairs = sorted((-float(v), int(i)) for v, i in zip(values, pool.ids, strict=True))
    return [image for _, image in pairs[:n]]
