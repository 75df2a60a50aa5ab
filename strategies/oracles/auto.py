"""auto: every product of every image, computed again for every pick."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import distances
from strategies.oracles.plain_lists import by_id, ids_of

Column = dict[int, float]  # row -> number


def select(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    """By regime: typical, uncertain or both, times far; every second pick for the rarest class."""
    rows, picked = by_id(pool), list[int]()
    counts = _labels_by_class(pool)
    images = float(pool.signals.labels) if pool.signals and counts != [0] * len(counts) else 0.0
    regime, far = regime_of(pool), None
    typical = {row: _typicality(pool, row, rows) for row in rows if regime != "refine"}
    for turn in range(min(n, len(pool))):
        left = [row for row in rows if row not in picked]
        gaps = {row: _gap(pool, row, picked) for row in left}
        fresh = [row for row in left if gaps[row] >= _near(pool)] or left
        one = _turn(pool, fresh, counts, images) if turn % 2 == 0 else 0
        among = [row for row in fresh if not one or _holds(pool, row, one)]
        if far is None and not any(map(math.isinf, gaps.values())):
            far = (max(gaps.values()), _power(list(gaps.values()), regime))
        worth = _worth(pool, one, regime, rows, typical)
        value = {row: worth[row] * _scaled(gaps[row], far) for row in among}
        best = min(
            among, key=lambda row: (-round(value[row], 6), -round(gaps[row], 5), pool.ids[row])
        )
        picked.append(best)
        images += 1
        counts = [had + _holds(pool, best, c) for c, had in enumerate(counts)]
    return ids_of(pool, picked)


def regime_of(pool: Pool) -> str:
    """start, explore or refine."""
    told = pool.signals
    if pool.uncertainty is None:
        return "start"
    if told is None:
        return "refine"
    low, high = told.validation_interval or (0.0, 0.0)
    doubts = [
        min(told.class_labels[1:], default=5) < 5,
        (told.calibration_error or 0.0) > 0.1,
        high - low > 0.4,
    ]
    near = told.coverage_p95 is not None and told.coverage_p95 <= 0.5 * (told.spread or 0.0)
    return "explore" if any(doubts) and not near else "refine"


def _near(pool: Pool) -> float:
    share = (pool.signals.near_duplicates if pool.signals else None) or 0.0
    return 0.2 if share > 0.5 else 0.05


def _labels_by_class(pool: Pool) -> list[float]:
    if pool.class_share is None:
        return []
    classes = pool.class_share.shape[1]
    if pool.signals and len(pool.signals.class_labels) == classes:
        return [float(count) for count in pool.signals.class_labels]
    return [0.0] * classes


def _holds(pool: Pool, row: int, one: int) -> bool:
    return pool.class_share is not None and float(pool.class_share[row][one]) >= 0.001


def _turn(pool: Pool, left: Sequence[int], counts: Sequence[float], images: float) -> int:
    """The foreground class that the fewest images hold, of those that half of them lack; or 0."""
    for one in sorted(range(1, len(counts)), key=lambda c: (counts[c], c)):
        if counts[one] >= images / 2:
            return 0
        if any(_holds(pool, row, one) for row in left):
            return one
    return 0


def _gap(pool: Pool, row: int, picked: Sequence[int]) -> float:
    if pool.embeddings is None:
        return math.inf
    centers = [*pool.labeled, *(pool.embeddings[other] for other in picked)]
    if not centers:
        return math.inf
    return float(
        distances(np.array(centers, np.float64), pool.embeddings[row].astype(np.float64)).min()
    )


def _worth(pool: Pool, one: int, regime: str, rows: Sequence[int], typical: Column) -> Column:
    """All that counts beside the distance."""
    worth = dict.fromkeys(rows, 1.0)
    if regime != "start" and pool.uncertainty is not None:
        unsure = {row: float(pool.uncertainty[row]) for row in rows}
        compared = list(unsure.values())
        if one and pool.class_uncertainty is not None:
            unsure = {row: float(pool.class_uncertainty[row][one]) for row in rows}
        if one:
            compared = [unsure[row] for row in rows if _holds(pool, row, one)]
        factor = (max(compared), _power(compared, regime))
        candidates = [row for row in rows if not one or _holds(pool, row, one)]
        worth = {row: worth[row] * _scaled(unsure[row], factor) for row in candidates}
    if regime != "refine" and pool.embeddings is not None:
        factor = (max(typical.values()), _power(list(typical.values()), regime))
        worth = {row: had * _scaled(typical[row], factor) for row, had in worth.items()}
    return worth


def _typicality(pool: Pool, row: int, rows: Sequence[int]) -> float:
    if pool.embeddings is None or len(rows) < 2:
        return 1.0
    near = min(20, max(1, len(rows) // 10), len(rows) - 1)
    others = pool.embeddings[[other for other in rows if other != row]]
    to = np.sort(distances(others.astype(np.float64), pool.embeddings[row].astype(np.float64)))
    return round(1 / (1 + math.fsum(to[:near]) / near), 6)


def _power(values: Sequence[float], regime: str) -> float:
    """The same say for each factor: one part of 2 or 3 over the relative spread."""
    weight = 1 / 3 if regime == "explore" else 1 / 2
    mean = statistics.fmean(values) if values else 0.0
    return weight / max(statistics.pstdev(values) / mean, 0.01) if mean > 0 else weight


def _scaled(value: float, factor: tuple[float, float] | None) -> float:
    if factor is None or math.isinf(value):
        return 1.0
    largest, power = factor
    return float(max(0.0, value / (largest or 1.0)) ** power)
