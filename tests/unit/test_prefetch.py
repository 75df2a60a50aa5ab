"""Prefetched results: the order stays, the bound holds, nothing goes on when nobody asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from daemon.prefetch import prefetch

DEPTH = 8


def numbers(started: list[int]) -> Iterator[int]:
    for number in range(100):
        started.append(number)
        yield number


def test_it_keeps_the_order_and_its_bound() -> None:
    started: list[int] = []
    results = prefetch(lambda number: number**2, numbers(started), DEPTH)

    first = [next(results) for _ in range(3)]

    assert first == [(0, 0), (1, 1), (2, 4)]
    assert len(started) == 3 + DEPTH
    assert list(results)[-1] == (99, 99**2)


def test_a_failure_is_raised_where_the_turn_of_its_input_comes() -> None:
    results = prefetch(lambda number: 1 / number, [2, 1, 0, 4], DEPTH)

    assert [next(results), next(results)] == [(2, 0.5), (1, 1.0)]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_result_is_computed_while_the_consumer_uses_the_one_before() -> None:
    done = threading.Event()
    results = prefetch(lambda number: number == 1 and done.set(), [0, 1], DEPTH)

    next(results)

    assert done.wait(60)


def test_a_consumer_that_leaves_ends_the_threads() -> None:
    started: list[int] = []
    results = prefetch(lambda number: number, numbers(started), DEPTH)
    next(results)

    results.close()

    assert len(started) == 1 + DEPTH
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]
