"""Work ahead of its turn: the order stays, the bound holds, nothing goes on when nobody asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from daemon.prefetch import done_ahead

AHEAD = 8


def numbers(begun: list[int]) -> Iterator[int]:
    for number in range(100):
        begun.append(number)
        yield number


def test_it_keeps_the_order_and_its_bound() -> None:
    begun: list[int] = []
    results = done_ahead(lambda number: number**2, numbers(begun), AHEAD)

    first = [next(results) for _ in range(3)]

    assert first == [(0, 0), (1, 1), (2, 4)]
    assert len(begun) == 3 + AHEAD
    assert list(results)[-1] == (99, 99**2)


def test_what_fails_is_told_where_its_turn_comes() -> None:
    results = done_ahead(lambda number: 1 / number, [2, 1, 0, 4], AHEAD)

    assert [next(results), next(results)] == [(2, 0.5), (1, 1.0)]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_work_is_done_while_the_one_before_is_looked_at() -> None:
    done = threading.Event()
    results = done_ahead(lambda number: number == 1 and done.set(), [0, 1], AHEAD)

    next(results)

    assert done.wait(10)


def test_a_reader_that_leaves_ends_it() -> None:
    begun: list[int] = []
    results = done_ahead(lambda number: number, numbers(begun), AHEAD)
    next(results)

    results.close()

    assert len(begun) == 1 + AHEAD
    assert not [one for one in threading.enumerate() if one.name.startswith("ahead")]
