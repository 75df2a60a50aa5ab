"""What the oracles that rank, draw or cluster count with: plain loops over Python numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable

from strategies.base import Pool


def by_id(pool: Pool) -> list[int]:
    """Rows in the order of their ids."""
    return sorted(range(len(pool)), key=lambda row: int(pool.ids[row]))


def ids_of(pool: Pool, rows: Iterable[int]) -> list[int]:
    """The ids of rows."""
    return [int(pool.ids[row]) for row in rows]


def apart(a: Iterable[float], b: Iterable[float]) -> float:
    """Euclidean distance."""
    return math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))


def ranked(pool: Pool, values: Iterable[float], n: int) -> list[int]:
    """Ids of the n largest values, one a row; equal ones by the lower id."""
    pairs = sorted((-float(v), int(i)) for v, i in zip(values, pool.ids, strict=True))
    return [image for _, image in pairs[:n]]
