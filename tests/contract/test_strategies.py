"""The contract of a query strategy (strategies/base.py), run with every registered one.

Shipped strategies and installed plug-ins alike; a failure says what was wanted. One more runs
beside them: the example of strategies/README.md, as a plug-in that is installed.
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

import strategies
from daemon.domain.errors import PoolInvalid
from strategies.base import PER_IMAGE, GivesReasons, Pool, Signals
from tests.contract.pools import CLASSES, random_pool, rows_of, seeded
from tests.contract.strategy_runs import NEEDS, Run, loaded, runs

EXAMPLE = Path(__file__).parent / "example_strategy"  # as `pip install` would lay it out
DRAWS = ("random", "foreground_random", "rare_class", "badge", "clasp_pe")
every_strategy = pytest.mark.parametrize("name", [*strategies.names(), "most_foreground"])


@pytest.fixture(scope="module", autouse=True)
def installed_example() -> Iterator[None]:
    sys.path.insert(0, str(EXAMPLE))
    yield
    sys.path.remove(str(EXAMPLE))


def test_an_installed_plug_in_is_listed() -> None:
    assert "most_foreground" in strategies.names()


def test_it_is_known_what_each_shipped_strategy_needs() -> None:
    assert set(NEEDS) == set(strategies.SHIPPED)


def test_the_example_of_the_readme_is_the_one_that_runs_here() -> None:
    readme = (Path(strategies.__file__).parent / "README.md").read_text()
    lines = (EXAMPLE / "most_foreground.py").read_text().splitlines()

    essential = [line for line in lines if line.startswith(("        check", "        share"))]

    assert len(essential) == 2
    assert all(line in readme for line in essential)


# --- what a choice looks like -------------------------------------------------------------


def wanted(run: Run, what: str) -> str:
    return f"{run}; wanted: {what} (strategies/README.md, Write your own)"


@every_strategy
def test_a_choice_is_min_n_and_N_distinct_images_of_the_pool(name: str) -> None:
    for run in runs(name):
        count = min(run.n, len(run.pool))
        assert len(run.picked) == count, wanted(run, f"min(n, N) = {count} images")
        assert len(set(run.picked)) == count, wanted(run, "each image once")
        assert set(run.picked) <= set(run.pool.ids.tolist()), wanted(
            run, "ids of pool.ids, not the rows that they stand in"
        )
        assert all(type(image) is int for image in run.picked), wanted(
            run, f"plain ints; got {[type(image).__name__ for image in run.picked]}"
        )


@every_strategy
def test_the_same_seed_gives_the_same_choice(name: str) -> None:
    for run in runs(name):
        assert run.again == run.picked, wanted(
            run, "the same choice: draw from the rng that is passed, and keep no state"
        )


@every_strategy
def test_shuffled_rows_give_the_same_choice(name: str) -> None:
    for run in runs(name):
        assert run.shuffled == run.picked, wanted(
            run, "the same choice: go by ids, and let the lower id win a tie"
        )


@every_strategy
def test_a_pool_of_real_numbers_may_be_shuffled_too(name: str) -> None:
    pool = random_pool(images=1500, labeled=130, dimensions=33)
    shuffled = rows_of(pool, np.random.default_rng(1).permutation(len(pool)))

    first = loaded(name).select(pool, 50, seeded())

    assert loaded(name).select(shuffled, 50, seeded()) == first, (
        "shuffled rows gave another choice; wanted the same: sums and products in the order of ids"
    )


@pytest.mark.parametrize("name", DRAWS)
def test_another_seed_gives_another_choice_where_one_is_drawn(name: str) -> None:
    pool = random_pool()
    chosen = {
        tuple(loaded(name).select(pool, 10, np.random.default_rng(seed))) for seed in range(5)
    }

    assert len(chosen) == 5


@every_strategy
def test_the_global_random_state_neither_matters_nor_moves(name: str) -> None:
    np.random.seed(1)  # noqa: NPY002  # the state that must not matter
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = loaded(name).select(random_pool(), 10, seeded())
    after = np.random.get_state()[1]  # noqa: NPY002

    np.random.seed(2)  # noqa: NPY002

    np.testing.assert_array_equal(after, before)
    assert loaded(name).select(random_pool(), 10, seeded()) == first


@every_strategy
def test_the_pool_is_left_as_it_was(name: str) -> None:
    pool, same = random_pool(), random_pool()

    picked = loaded(name).select(pool, 10, seeded())
    strategy = loaded(name)
    if isinstance(strategy, GivesReasons):
        strategy.reasons(pool, picked)

    for field in ("ids", "labeled", "labeled_foreground", *PER_IMAGE):
        np.testing.assert_array_equal(getattr(pool, field), getattr(same, field), field)


# --- pools at the edge --------------------------------------------------------------------


@every_strategy
@pytest.mark.parametrize("images", [0, 1, 3])
def test_small_pools_and_none_labeled_are_ordinary(name: str, images: int) -> None:
    for labeled in (0, 1, 4):
        pool = random_pool(images=images, labeled=labeled)

        picked = loaded(name).select(pool, 5, seeded())

        assert sorted(picked) == sorted(pool.ids.tolist()), f"{images=} {labeled=}"


@every_strategy
def test_equal_images_are_each_chosen_once(name: str) -> None:
    pool = rows_of(random_pool(labeled=0), np.zeros(12, dtype=int))
    equal = replace(pool, ids=np.arange(12))

    assert sorted(loaded(name).select(equal, 12, seeded())) == list(range(12))


@pytest.mark.parametrize("name", sorted(set(strategies.SHIPPED) - set(DRAWS)))
def test_among_equal_images_the_lowest_id_goes_first(name: str) -> None:
    equal = replace(
        rows_of(random_pool(labeled=1), np.zeros(3, dtype=int)), ids=np.array([9, 2, 5])
    )

    assert loaded(name).select(equal, 3, seeded()) == [2, 5, 9]


# --- numbers that must not be used --------------------------------------------------------


@every_strategy
@pytest.mark.parametrize("field", list(PER_IMAGE))
def test_a_bad_number_is_refused_and_the_image_is_named(name: str, field: str) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        pool = random_pool()
        getattr(pool, field)[3, ...] = bad

        with pytest.raises(PoolInvalid, match=rf"pool\.{field}: image {pool.ids[3]} has"):
            loaded(name).select(pool, 2, seeded())


@every_strategy
@pytest.mark.parametrize("field", ["labeled", "labeled_foreground"])
def test_a_bad_number_of_a_labeled_image_is_refused(name: str, field: str) -> None:
    pool = random_pool()
    getattr(pool, field)[2, 1] = np.nan

    with pytest.raises(PoolInvalid, match=rf"pool\.{field}: row 2 holds NaN"):
        loaded(name).select(pool, 2, seeded())


ones = np.ones((40, 6), dtype=np.float32)
odd = Signals(cycle=1, classes=CLASSES, labels=3, class_labels=(3, 3, 1), temperature=np.nan)
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"ids": np.array([4] * 40)}, "image 4 is listed more than once"),
    ({"ids": np.arange(40.0)}, r"pool.ids: got shape \(40,\), float64; expected \(N,\) int64"),
    ({"ids": np.arange(40).reshape(8, 5)}, "pool.ids: got shape"),
    ({"embeddings": ones[:39]}, "pool.embeddings: got 39 rows; expected 40"),
    ({"embeddings": ones[:, 0]}, r"pool.embeddings: got shape \(40,\), float32; expected 2-D"),
    ({"embeddings": np.ones((40, 6), dtype=int)}, "expected 2-D float32"),
    ({"embeddings": ones[:, :5]}, "pool.labeled: got 6 numbers a row; expected 5"),
    ({"foreground_embeddings": ones[:, :5]}, "labeled_foreground: got 6 numbers a row; expected 5"),
    ({"uncertainty": ones}, "pool.uncertainty: got shape"),
    ({"uncertainty": 2 * ones[:, 0]}, r"has 2; expected a value in \[0, 1\]"),
    ({"uncertainty": -ones[:, 0]}, r"has -1; expected a value in \[0, 1\]"),
    ({"class_share": ones[:7]}, "pool.class_share: got 7 rows"),
    ({"labeled": ones[0]}, "pool.labeled: got shape"),
    ({"signals": odd}, "pool.signals.temperature: got nan; expected a finite number"),
]


@every_strategy
def test_arrays_that_do_not_fit_are_refused(name: str) -> None:
    for wrong, message in WRONG:
        with pytest.raises(PoolInvalid, match=message):
            loaded(name).select(replace(random_pool(), **wrong), 2, seeded())


@every_strategy
def test_fewer_than_no_images_are_refused(name: str) -> None:
    with pytest.raises(PoolInvalid, match="n = -1"):
        loaded(name).select(random_pool(), -1, seeded())


@pytest.mark.parametrize(("name", "field"), [(one, f) for one, of in NEEDS.items() for f in of])
def test_a_strategy_says_which_field_it_lacks(name: str, field: str) -> None:
    pool = replace(random_pool(), teacher_disagreement=None, **{field: None})

    with pytest.raises(PoolInvalid, match=f"strategy {name} needs pool.{field}, which this pool"):
        loaded(name).select(pool, 2, seeded())


@pytest.mark.parametrize("name", [*NEEDS, "most_foreground"])
def test_the_fields_that_are_not_needed_may_be_absent(name: str) -> None:
    absent = set(PER_IMAGE) - set(NEEDS.get(name, ("class_share",)))
    pool = replace(random_pool(), signals=None, **dict.fromkeys(absent))
    strategy = loaded(name)

    picked = strategy.select(pool, 4, seeded())

    assert len(picked) == 4
    if isinstance(strategy, GivesReasons):
        assert len(strategy.reasons(pool, picked)) == 4


# --- what it says of its choice -----------------------------------------------------------


@every_strategy
def test_a_strategy_that_gives_reasons_gives_one_sentence_a_pick(name: str) -> None:
    for run in runs(name):
        if run.words is None:
            return  # the method is optional
        assert isinstance(run.words, list), wanted(run, f"a list of sentences, got {run.words!r}")
        assert len(run.words) == len(run.picked), wanted(run, f"one a pick, got {run.words}")
        for words in run.words:
            assert isinstance(words, str), wanted(run, f"a sentence, got {words!r}")
            assert words.strip(), wanted(run, f"a sentence, got {words!r}")
            assert "nan" not in words.split(), wanted(run, f"numbers that are known, got {words!r}")


# --- what it costs ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide_pool() -> Pool:
    return random_pool(images=30_000, labeled=110, dimensions=384)


@every_strategy
def test_memory_stays_under_a_fifth_of_the_embeddings_beside_them(
    name: str, wide_pool: Pool
) -> None:
    pool = wide_pool
    assert pool.embeddings is not None
    loaded(name).select(random_pool(), 5, seeded())  # what it imports is no buffer

    tracemalloc.start()
    loaded(name).select(pool, 60, seeded())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    allowed = 0.2 * pool.embeddings.nbytes + 64 * len(pool)
    assert peak < allowed, (
        f"{peak / 1e6:.1f} MB beside the pool; wanted at most {allowed / 1e6:.1f}"
    )
