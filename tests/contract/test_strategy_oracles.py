"""Every shipped strategy picks what the slow, obvious way picks, id for id."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import strategies
from strategies.base import Pool
from strategies.oracles import oracle_of
from tests.contract.covering_oracles import slow_probcover, slow_uherding
from tests.contract.oracles import (
    slow_foreground_random,
    slow_kmeans,
    slow_rare_class,
    slow_typiclust,
)
from tests.contract.pools import grouped_pool, random_pool, rows_of, seeded
from tests.contract.strategy_runs import loaded, runs

Oracle = Callable[[Pool, int, np.random.Generator], list[int]]


def gap(pool: Pool, row: int, picked: list[int]) -> float:
    """Distance of an image to its nearest center, inf without any. float64."""
    assert pool.embeddings is not None
    centers = [*pool.labeled, *(pool.embeddings[other] for other in picked)]
    x = pool.embeddings[row].astype(np.float64)
    return min((float(np.linalg.norm(x - center)) for center in centers), default=np.inf)


def slow_kcenter(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    picked: list[int] = []
    if not len(pool.labeled) and n and len(pool):
        start = sorted(pool.ids)[rng.integers(len(pool))]
        picked.append(int(np.flatnonzero(pool.ids == start)[0]))
    while len(picked) < min(n, len(pool)):
        left = [row for row in range(len(pool)) if row not in picked]
        picked.append(min(left, key=lambda row: (-gap(pool, row, picked), pool.ids[row])))
    return [int(pool.ids[row]) for row in picked]


def slow_entropy(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    assert pool.uncertainty is not None
    ranked = sorted(zip(-pool.uncertainty, pool.ids, strict=True))
    return [int(image) for _, image in ranked[:n]]


def slow_hybrid(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    assert pool.uncertainty is not None
    unsure, rows, picked = pool.uncertainty.tolist(), range(len(pool)), []
    if not len(pool.labeled) and n:
        picked.append(min(rows, key=lambda row: (-unsure[row], pool.ids[row])))
    start = [gap(pool, row, picked) for row in rows if row not in picked]
    a, b = exponent(unsure), exponent(start)
    while len(picked) < min(n, len(pool)):
        left = [row for row in rows if row not in picked]
        gaps = {row: gap(pool, row, picked) for row in left}
        values = {
            row: (unsure[row] / max(unsure)) ** a * (gaps[row] / max(start)) ** b for row in left
        }
        far = [row for row in left if gaps[row] >= 0.05] or left
        picked.append(
            min(far, key=lambda row: (-round(values[row], 5), -round(gaps[row], 5), pool.ids[row]))
        )
    return [int(pool.ids[row]) for row in picked]


def exponent(values: list[float]) -> float:
    """One half over the relative spread."""
    return 0.5 / max(statistics.pstdev(values) / statistics.mean(values), 0.01)


def slow_random(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    return [int(image) for image in rng.permutation(sorted(pool.ids))[:n]]


NEW = (
    "margin",
    "least_confidence",
    "disagreement",
    "badge",
    "cluster_margin",
    "clasp_pe",
    "auto",
)
ORACLES: dict[str, Oracle] = {
    "random": slow_random,
    "entropy": slow_entropy,
    "kcenter": slow_kcenter,
    "hybrid": slow_hybrid,
    "foreground_random": slow_foreground_random,
    "kmeans": slow_kmeans,
    "typiclust": slow_typiclust,
    "probcover": slow_probcover,
    "uherding": slow_uherding,
    "rare_class": slow_rare_class,
    **{name: oracle for name in NEW if (oracle := oracle_of(name))},
}
# Where nearly all numbers tie, these go by a rounded number or by whatever merged first.
ROUNDED = {"hybrid", "kmeans", "typiclust", "uherding", "cluster_margin", "auto"}


def test_every_shipped_strategy_has_an_oracle() -> None:
    assert set(ORACLES) == set(strategies.SHIPPED)


@pytest.mark.parametrize("name", sorted(set(ORACLES) - ROUNDED))
def test_agrees_with_the_slow_version_where_everything_ties(name: str) -> None:
    for run in runs(name):
        assert run.picked == ORACLES[name](run.pool, run.n, seeded()), f"{run}"


@pytest.mark.parametrize("name", sorted(ORACLES))
@pytest.mark.parametrize("labeled", [0, 1, 6])
def test_agrees_with_the_slow_version(name: str, labeled: int) -> None:
    for seed in range(6):
        pool = random_pool(images=14, labeled=labeled, seed=seed)
        twice = np.r_[np.arange(14), 2, 9]  # two images have a near-duplicate, which comes last
        pool = replace(rows_of(pool, twice), ids=np.random.default_rng(seed).permutation(16))

        picked = loaded(name).select(pool, 16, seeded())

        assert picked == ORACLES[name](pool, 16, seeded()), f"{seed=}"


@pytest.mark.parametrize("name", sorted(ORACLES))
@pytest.mark.parametrize("labeled", [0, 3, 25])
def test_agrees_with_the_slow_version_on_a_pool_of_sixty(name: str, labeled: int) -> None:
    pool = grouped_pool(images=60, labeled=labeled)

    picked = loaded(name).select(pool, 12, seeded())

    assert picked == ORACLES[name](pool, 12, seeded())
