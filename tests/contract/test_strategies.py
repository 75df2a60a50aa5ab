"""The contract of a query strategy (strategies/base.py), run with every registered one.

One more runs beside them: the example of strategies/README.md, as a plug-in that is installed.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from daemon.domain.errors import PoolInvalid
from strategies.base import GivesReasons, Pool, QueryStrategy
from tests.contract.pools import coarse_pools, random_pool, repeatable, rows_of, seeded

EXAMPLE = Path(__file__).parent / "example_strategy"  # as `pip install` would lay it out
CLUSTERING, COVERING = ("kmeans", "typiclust"), ("probcover", "uherding")
every_strategy = pytest.mark.parametrize("name", [*strategies.names(), "most_foreground"])


@pytest.fixture(scope="module", autouse=True)
def installed_example() -> Iterator[None]:
    sys.path.insert(0, str(EXAMPLE))
    yield
    sys.path.remove(str(EXAMPLE))


def test_an_installed_plug_in_is_listed() -> None:
    assert "most_foreground" in strategies.names()


def test_the_example_of_the_readme_is_the_one_that_runs_here() -> None:
    readme = (Path(strategies.__file__).parent / "README.md").read_text()
    lines = (EXAMPLE / "most_foreground.py").read_text().splitlines()

    essential = [line for line in lines if line.startswith(("        check", "        share"))]

    assert len(essential) == 2
    assert all(line in readme for line in essential)


# --- what a choice looks like -------------------------------------------------------------


@every_strategy
@repeatable
@given(pool=coarse_pools(), n=st.integers(0, 12))
def test_a_choice_is_min_n_and_N_distinct_images_of_the_pool(name: str, pool: Pool, n: int) -> None:
    picked = strategies.load(name).select(pool, n, seeded())

    assert len(picked) == min(n, len(pool))
    assert len(set(picked)) == len(picked)
    assert set(picked) <= set(pool.ids.tolist())
    assert all(type(image) is int for image in picked)


@every_strategy
@repeatable
@given(pool=coarse_pools(), n=st.integers(0, 12), shuffle=st.randoms(use_true_random=False))
def test_shuffled_rows_and_the_same_seed_give_the_same_choice(
    name: str, pool: Pool, n: int, shuffle: Any
) -> None:
    rows = list(range(len(pool)))
    shuffle.shuffle(rows)
    shuffled = rows_of(pool, np.array(rows, dtype=np.int64))

    first = strategies.load(name).select(pool, n, seeded())

    assert strategies.load(name).select(pool, n, seeded()) == first
    assert strategies.load(name).select(shuffled, n, seeded()) == first


@every_strategy
def test_a_pool_of_real_numbers_may_be_shuffled_too(name: str) -> None:
    pool = random_pool(images=3000, labeled=300, dimensions=33)
    shuffled = rows_of(pool, np.random.default_rng(1).permutation(len(pool)))

    first = strategies.load(name).select(pool, 200, seeded())

    assert strategies.load(name).select(shuffled, 200, seeded()) == first


@every_strategy
def test_the_global_random_state_neither_matters_nor_moves(name: str) -> None:
    np.random.seed(1)  # noqa: NPY002  # the state that must not matter
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = strategies.load(name).select(random_pool(), 10, seeded())
    after = np.random.get_state()[1]  # noqa: NPY002

    np.random.seed(2)  # noqa: NPY002

    np.testing.assert_array_equal(after, before)
    assert strategies.load(name).select(random_pool(), 10, seeded()) == first


@every_strategy
def test_the_pool_is_left_as_it_was(name: str) -> None:
    pool, same = random_pool(), random_pool()

    strategies.load(name).select(pool, 10, seeded())

    for field in ("ids", "embeddings", "labeled", "uncertainty", "class_share"):
        np.testing.assert_array_equal(getattr(pool, field), getattr(same, field))


# --- pools at the edge --------------------------------------------------------------------


@every_strategy
@pytest.mark.parametrize("images", [0, 1, 3])
@pytest.mark.parametrize("labeled", [0, 1, 4])
def test_small_pools_and_none_labeled_are_ordinary(name: str, images: int, labeled: int) -> None:
    pool = random_pool(images=images, labeled=labeled)

    picked = strategies.load(name).select(pool, 5, seeded())

    assert sorted(picked) == sorted(pool.ids.tolist())


@every_strategy
def test_equal_images_are_each_chosen_once(name: str) -> None:
    pool = random_pool(images=12, labeled=0)
    equal = replace(
        pool,
        embeddings=np.tile(pool.embeddings[:1], (12, 1)),  # type: ignore[index]
        uncertainty=np.full(12, 0.5, dtype=np.float32),
    )

    assert sorted(strategies.load(name).select(equal, 12, seeded())) == sorted(pool.ids.tolist())


@pytest.mark.parametrize("name", ["entropy", "kcenter", "hybrid", *CLUSTERING, *COVERING])
def test_among_equal_images_the_lowest_id_goes_first(name: str) -> None:
    equal = Pool(
        ids=np.array([9, 2, 5]),
        embeddings=np.ones((3, 4), dtype=np.float32) / 2,
        labeled=np.eye(1, 4, dtype=np.float32),
        uncertainty=np.full(3, 0.5, dtype=np.float32),
    )

    assert strategies.load(name).select(equal, 3, seeded()) == [2, 5, 9]


# --- numbers that must not be used --------------------------------------------------------


@every_strategy
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["embeddings", "uncertainty", "class_share"])
def test_a_bad_number_is_refused_and_the_image_is_named(name: str, field: str, bad: float) -> None:
    pool = random_pool()
    getattr(pool, field)[3, ...] = bad

    with pytest.raises(PoolInvalid, match=rf"pool\.{field}: image {pool.ids[3]} has"):
        strategies.load(name).select(pool, 2, seeded())


@every_strategy
def test_a_bad_number_of_a_labeled_image_is_refused(name: str) -> None:
    pool = random_pool()
    pool.labeled[2, 1] = np.nan

    with pytest.raises(PoolInvalid, match=r"pool\.labeled: row 2 holds NaN"):
        strategies.load(name).select(pool, 2, seeded())


ones = np.ones((40, 6), dtype=np.float32)


@every_strategy
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ids": np.array([4] * 40)}, "image 4 is listed more than once"),
        ({"ids": np.arange(40.0)}, r"pool.ids: got shape \(40,\), float64; expected \(N,\) int64"),
        ({"ids": np.arange(40).reshape(8, 5)}, "pool.ids: got shape"),
        ({"embeddings": ones[:39]}, "pool.embeddings: got 39 rows; expected 40"),
        ({"embeddings": ones[:, 0]}, r"pool.embeddings: got shape \(40,\), float32; expected 2-D"),
        ({"embeddings": np.ones((40, 6), dtype=int)}, "expected 2-D float32"),
        ({"embeddings": ones[:, :5]}, "pool.labeled: got 6 numbers a row; expected 5"),
        ({"uncertainty": ones}, "pool.uncertainty: got shape"),
        ({"uncertainty": 2 * ones[:, 0]}, r"has 2; expected a value in \[0, 1\]"),
        ({"uncertainty": -ones[:, 0]}, r"has -1; expected a value in \[0, 1\]"),
        ({"class_share": ones[:7]}, "pool.class_share: got 7 rows"),
        ({"labeled": ones[0]}, "pool.labeled: got shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, wrong: Any, message: str) -> None:
    with pytest.raises(PoolInvalid, match=message):
        strategies.load(name).select(replace(random_pool(), **wrong), 2, seeded())


@every_strategy
def test_fewer_than_no_images_are_refused(name: str) -> None:
    with pytest.raises(PoolInvalid, match="n = -1"):
        strategies.load(name).select(random_pool(), -1, seeded())


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("entropy", "uncertainty"),
        ("hybrid", "uncertainty"),
        ("hybrid", "embeddings"),
        ("kcenter", "embeddings"),
        ("kmeans", "embeddings"),
        ("typiclust", "embeddings"),
        ("probcover", "embeddings"),
        ("uherding", "embeddings"),
        ("uherding", "uncertainty"),
        ("foreground_random", "class_share"),
        ("rare_class", "class_share"),
    ],
)
def test_a_strategy_says_which_field_it_lacks(name: str, field: str) -> None:
    pool = replace(random_pool(), **{field: None})

    with pytest.raises(PoolInvalid, match=f"strategy {name} needs pool.{field}, which this pool"):
        strategies.load(name).select(pool, 2, seeded())


@every_strategy
def test_the_fields_that_are_not_needed_may_be_absent(name: str) -> None:
    needed = {
        "kcenter": {"embeddings"},
        "entropy": {"uncertainty"},
        "random": set(),
        "kmeans": {"embeddings"},
        "typiclust": {"embeddings"},
        "probcover": {"embeddings"},
        "uherding": {"embeddings", "uncertainty"},
        "foreground_random": {"class_share"},
        "rare_class": {"class_share"},
        "most_foreground": {"class_share"},
    }
    pool = random_pool()
    for field in {"embeddings", "uncertainty", "class_share"} - needed.get(name, {"embeddings"}):
        if name in needed:
            pool = replace(pool, **{field: None})

    assert len(strategies.load(name).select(pool, 4, seeded())) == 4


# --- what it says of its choice -----------------------------------------------------------


@every_strategy
@repeatable
@given(pool=coarse_pools(), n=st.integers(0, 12))
def test_a_strategy_that_gives_reasons_gives_one_sentence_a_pick(
    name: str, pool: Pool, n: int
) -> None:
    strategy = strategies.load(name)
    if not isinstance(strategy, GivesReasons):
        return  # the method is optional
    picked = strategy.select(pool, n, seeded())

    words = strategy.reasons(pool, picked)

    assert len(words) == len(picked)
    assert all(isinstance(one, str) and one.strip() for one in words)
    assert not any("nan" in one or "inf" in one for one in words)


# --- what it costs ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide_pool() -> Pool:
    return random_pool(images=40_000, labeled=700, dimensions=256)


@every_strategy
def test_memory_stays_under_a_fifth_of_the_embeddings_beside_them(
    name: str, wide_pool: Pool
) -> None:
    pool = wide_pool
    assert pool.embeddings is not None
    strategy: QueryStrategy = strategies.load(name)
    strategy.select(random_pool(), 5, seeded())  # what it imports is no buffer

    tracemalloc.start()
    strategy.select(pool, 5, seeded())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 0.2 * pool.embeddings.nbytes + 64 * len(pool)
