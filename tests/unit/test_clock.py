"""Kept moments, and a clock that is set while they wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.domain.clock import STEP, ClockWatch, is_due, steady_s, time_since

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_time_since_a_moment_is_none_where_the_clock_was_set_back_behind_it() -> None:
    assert time_since(NOW - HOUR, NOW) == HOUR
    assert time_since(NOW, NOW) == timedelta(0)
    assert time_since(NOW + timedelta(microseconds=1), NOW) is None


def test_what_waits_for_a_moment_of_the_future_is_due() -> None:
    assert is_due(NOW - HOUR, HOUR, NOW)
    assert not is_due(NOW - HOUR, HOUR + STEP, NOW)
    assert is_due(NOW + 10 * HOUR, HOUR, NOW)


def test_a_clock_that_is_set_is_noticed_once_and_by_how_much() -> None:
    watch = ClockWatch()

    assert watch.jump(NOW, 100.0) == timedelta(0)
    assert watch.jump(NOW + timedelta(seconds=10), 110.0) == timedelta(0)
    assert watch.jump(NOW - HOUR + timedelta(seconds=20), 120.0) == -HOUR
    assert watch.jump(NOW - HOUR + timedelta(seconds=30), 130.0) == timedelta(0)
    assert watch.jump(NOW + 8766 * HOUR, 130.0) == 8767 * HOUR - timedelta(seconds=30)


def test_a_drift_adds_up_until_it_is_a_step() -> None:
    watch = ClockWatch()

    jumps = [  # the wall clock gains a second a minute
        watch.jump(NOW + timedelta(seconds=61 * minute), 60.0 * minute) for minute in range(180)
    ]

    assert [jump for jump in jumps if jump] == [STEP, STEP]
    assert jumps[60] == jumps[120] == STEP


def test_the_steady_clock_goes_on() -> None:
    first = steady_s()

    assert first <= steady_s() < first + 60
