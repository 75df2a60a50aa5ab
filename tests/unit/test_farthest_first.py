"""Greedy k-center: the small pool, the large one and the slow version pick the same images."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import strategies
from strategies import coverage, farthest_first
from strategies.base import Pool
from strategies.coverage import Coverage
from strategies.distances import exact_squared

EVERYTHING_IS_LARGE, NOTHING_IS_LARGE = 0, 2**60


def slow_kcenter(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    """In float64, each sum in the order of the numbers; the lowest id of equal ones."""
    assert pool.embeddings is not None
    table, order = pool.embeddings.astype(np.float64), np.argsort(pool.ids)
    gap = np.full(len(table), np.inf)

    def cover(center: np.ndarray) -> None:
        squared = np.zeros(len(table))
        for j in range(table.shape[1]):
            squared += (table[:, j] - center[j]) ** 2
        np.minimum(gap, squared, out=gap)

    for label in pool.labeled.astype(np.float64):
        cover(label)
    rows = [] if len(pool.labeled) else [int(order[rng.integers(len(pool))])]
    for row in rows:
        cover(table[row])
    while len(rows) < n:
        gap[rows] = -1
        rows.append(int(order[gap[order].argmax()]))
        cover(table[rows[-1]])
    return [int(pool.ids[row]) for row in rows[:n]]


def odd_pool(seed: int) -> Pool:
    """Lattice points, permutations of equal distance, copies, or numbers that hardly differ."""
    rng = np.random.default_rng(seed)
    images, labeled, size = (
        int(rng.integers(*low_high)) for low_high in ((1, 300), (0, 30), (2, 65))
    )
    shape = (images + labeled, size)
    rows = rng.standard_normal(shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    if seed % 5 == 0:
        rows = rng.integers(-2, 3, shape).astype(np.float32)
    elif seed % 5 == 1:
        rows = np.stack([rng.permutation(np.arange(size) / 7) for _ in rows]).astype(np.float32)
    elif seed % 5 == 2:
        rows = rows[rng.integers(len(rows), size=len(rows))]
    elif seed % 5 == 3:
        rows = np.tile(rows[:1], (len(rows), 1)) + np.float32(1e-6) * rows
    ids = rng.permutation(10 * images)[:images].astype(np.int64)
    return Pool(ids=ids, embeddings=rows[:images].copy(), labeled=rows[images:])


def picks(pool: Pool, n: int, patch: pytest.MonkeyPatch, large: int) -> list[int]:
    patch.setattr(coverage, "LARGE", large)
    return strategies.load("kcenter").select(pool, n, np.random.default_rng(1))


@pytest.mark.parametrize("seed", range(25))
def test_every_way_picks_what_the_slow_version_picks(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = odd_pool(seed)
    n = min(len(pool), 1 + 2 * seed)
    expected = slow_kcenter(pool, n, np.random.default_rng(1))
    for name, value in {"SAMPLE": 1 + seed % 37, "TIER": seed % 3, "CENTERS": 5}.items():
        monkeypatch.setattr(farthest_first, name, value)
    monkeypatch.setattr(farthest_first, "MANY", seed % 4 * 20)

    assert picks(pool, n, monkeypatch, NOTHING_IS_LARGE) == expected
    assert picks(pool, n, monkeypatch, EVERYTHING_IS_LARGE) == expected


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_neither_threads_nor_the_order_of_the_rows_change_a_large_choice(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = odd_pool(4)
    shuffle = np.random.default_rng(0).permutation(len(pool))
    assert pool.embeddings is not None
    other = replace(pool, ids=pool.ids[shuffle], embeddings=pool.embeddings[shuffle])
    expected = picks(pool, 50, monkeypatch, NOTHING_IS_LARGE)
    for room in ("farthest_first", "nearest_kernel"):
        monkeypatch.setattr(f"strategies.{room}.thread_count", lambda: cores)
    monkeypatch.setattr("strategies.nearest_kernel.FEW", 0)
    monkeypatch.setattr(farthest_first, "MANY", 1)

    assert picks(other, 50, monkeypatch, EVERYTHING_IS_LARGE) == expected


@pytest.mark.parametrize("seed", range(10))
def test_the_gaps_of_a_large_pool_are_those_of_a_small_one_to_the_bit(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, gaps = odd_pool(seed), []
    assert pool.embeddings is not None
    for large in (NOTHING_IS_LARGE, EVERYTHING_IS_LARGE):
        monkeypatch.setattr(coverage, "LARGE", large)
        found = Coverage(pool.ids, pool.embeddings, pool.labeled)
        for row in range(0, len(pool), 7):
            found.pick(row)
        gaps.append(found.squared_gap)

    np.testing.assert_array_equal(gaps[0], gaps[1])


@pytest.mark.parametrize("large", [NOTHING_IS_LARGE, EVERYTHING_IS_LARGE])
def test_numbers_whose_squares_overflow_float32_are_compared_in_float64(
    large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.array([[9e18], [-9e18], [4e18], [0.0]], dtype=np.float32)
    pool = Pool(ids=np.arange(4), embeddings=rows, labeled=np.array([[8e18]], dtype=np.float32))

    assert picks(pool, 4, monkeypatch, large) == [1, 3, 2, 0]


def test_a_large_pool_of_one_image_and_of_none_are_ordinary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Pool(ids=np.array([7]), embeddings=np.ones((1, 3), dtype=np.float32))
    none = Pool(ids=one.ids[:0], embeddings=np.ones((0, 3), dtype=np.float32))

    assert picks(one, 5, monkeypatch, EVERYTHING_IS_LARGE) == [7]
    assert picks(none, 5, monkeypatch, EVERYTHING_IS_LARGE) == []


@pytest.mark.parametrize("rows", [1, 127, 128, 300])
def test_an_exact_distance_is_the_sum_in_the_order_of_the_numbers(rows: int) -> None:
    rng = np.random.default_rng(0)
    some, center = rng.random((rows, 37), dtype=np.float32), rng.random(37, dtype=np.float32)

    total = np.zeros(rows)
    for j in range(37):
        total += (some[:, j].astype(np.float64) - float(center[j])) ** 2

    np.testing.assert_array_equal(exact_squared(some, center), total)


def test_choosing_from_a_small_pool_loads_no_compiler() -> None:
    code = (
        "import sys, numpy as np, strategies; from strategies.base import Pool;"
        "pool = Pool(ids=np.arange(50), embeddings=np.eye(50, dtype=np.float32));"
        "strategies.load('kcenter').select(pool, 5, np.random.default_rng(0));"
        "assert not {'numba', 'llvmlite'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
