"""Every shipped strategy picks what the slow, obvious way picks, id for id."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from strategies.base import Pool
from strategies.oracles import oracle_of
from tests.contract.pools import (
    coarse_pools,
    grouped_pool,
    random_pool,
    repeatable,
    rows_of,
    seeded,
)


def slow(name: str, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    oracle = oracle_of(name)
    assert oracle is not None
    return oracle(pool, n, rng)


def test_every_shipped_strategy_has_an_oracle() -> None:
    assert all(callable(oracle_of(name)) for name in strategies.SHIPPED)
    assert oracle_of("most_foreground") is None  # a plug-in


@pytest.mark.parametrize(
    "name", ["random", "entropy", "kcenter", "foreground_random", "rare_class", "probcover"]
)
@repeatable
@given(pool=coarse_pools(), n=st.integers(0, 12))
def test_agrees_with_the_slow_version_where_everything_ties(name: str, pool: Pool, n: int) -> None:
    assert strategies.load(name).select(pool, n, seeded()) == slow(name, pool, n, seeded())


@pytest.mark.parametrize("name", sorted(strategies.SHIPPED))
@repeatable
@given(seed=st.integers(0, 10_000), labeled=st.sampled_from([0, 1, 6]))
def test_agrees_with_the_slow_version(name: str, seed: int, labeled: int) -> None:
    pool = random_pool(images=14, labeled=labeled, seed=seed)
    twice = np.r_[np.arange(14), 2, 9]  # two images have a near-duplicate, which comes last
    pool = replace(rows_of(pool, twice), ids=np.random.default_rng(seed).permutation(16))

    picked = strategies.load(name).select(pool, 16, seeded())

    assert picked == slow(name, pool, 16, seeded())


@pytest.mark.parametrize("name", sorted(strategies.SHIPPED))
@pytest.mark.parametrize("labeled", [0, 3, 25])
def test_agrees_with_the_slow_version_on_a_pool_of_a_hundred(name: str, labeled: int) -> None:
    pool = grouped_pool(images=100, labeled=labeled)

    picked = strategies.load(name).select(pool, 12, seeded())

    assert picked == slow(name, pool, 12, seeded())
