"""Every shipped strategy picks what the slow, obvious way picks, id for id."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import strategies
from strategies.base import Pool
from strategies.oracles import oracle_of
from tests.contract.pools import grouped_pool, random_pool, rows_of, seeded
from tests.contract.strategy_runs import loaded, runs

# Where nearly all numbers tie, these go by a rounded number or by whatever merged first.
ROUNDED = {"hybrid", "kmeans", "typiclust", "uherding", "cluster_margin", "auto"}


def slow(name: str, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    oracle = oracle_of(name)
    assert oracle is not None
    return oracle(pool, n, rng)


def test_every_shipped_strategy_has_an_oracle() -> None:
    assert all(callable(oracle_of(name)) for name in strategies.SHIPPED)
    assert oracle_of("most_foreground") is None  # a plug-in


@pytest.mark.parametrize("name", sorted(set(strategies.SHIPPED) - ROUNDED))
def test_agrees_with_the_slow_version_where_everything_ties(name: str) -> None:
    for run in runs(name):
        assert run.picked == slow(name, run.pool, run.n, seeded()), f"{run}"


@pytest.mark.parametrize("name", sorted(strategies.SHIPPED))
@pytest.mark.parametrize("labeled", [0, 1, 6])
def test_agrees_with_the_slow_version(name: str, labeled: int) -> None:
    for seed in range(6):
        pool = random_pool(images=14, labeled=labeled, seed=seed)
        twice = np.r_[np.arange(14), 2, 9]  # two images have a near-duplicate, which comes last
        pool = replace(rows_of(pool, twice), ids=np.random.default_rng(seed).permutation(16))

        picked = loaded(name).select(pool, 16, seeded())

        assert picked == slow(name, pool, 16, seeded()), f"{seed=}"


@pytest.mark.parametrize("name", sorted(strategies.SHIPPED))
@pytest.mark.parametrize("labeled", [0, 3, 25])
def test_agrees_with_the_slow_version_on_a_pool_of_sixty(name: str, labeled: int) -> None:
    pool = grouped_pool(images=60, labeled=labeled)

    picked = loaded(name).select(pool, 12, seeded())

    assert picked == slow(name, pool, 12, seeded())
