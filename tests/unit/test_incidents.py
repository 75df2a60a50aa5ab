"""What is said of something that does not work, over simulated days of a look every ten seconds."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from daemon.domain import Source
from daemon.domain.errors import (
    ConfigError,
    ConnectorRefused,
    ConnectorUnavailable,
    DiskFull,
    IntakeBroken,
    MaskloopError,
    OutcomeUnknown,
    RunFailed,
    StoreTooNew,
)
from daemon.rules.incidents import Incidents, LogLine, reason_of

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TICK = timedelta(seconds=10)
A_DAY = 8_640  # ticks

Attempt = Callable[[int], Exception | None]


def day(attempt: Attempt, incidents: Incidents, ticks: int = A_DAY) -> list[tuple[int, LogLine]]:
    """What is said in so many ticks; attempt: tick -> what it raises, None where it works."""
    said: list[tuple[int, LogLine]] = []
    for tick in range(ticks):
        now, failure = NOON + tick * TICK, attempt(tick)
        if failure is None:
            said += [(tick, line) for line in incidents.record_success([], now)]
        elif line := incidents.record_failure(reason_of(failure), now):
            said.append((tick, line))
    return said


LASTING = {
    "the labeling tool is down": ConnectorUnavailable("GET http://x/api: connection refused"),
    "the token is refused": ConnectorRefused("GET http://x/api: got HTTP 401; check the token"),
    "the disk is full": DiskFull("0.42 GB free; expected 2.0"),
    "the system says the disk is full": OSError(errno.ENOSPC, "No space left on device"),
    "our own code is broken": IntakeBroken("connectors/x.py:7: KeyError on 31 of 40 inputs"),
    "the store is damaged": sqlite3.DatabaseError("database disk image is malformed"),
    "something nobody thought of": ZeroDivisionError("division by zero"),
}


@pytest.mark.parametrize("failure", LASTING.values(), ids=LASTING.keys())
def test_a_day_that_fails_is_a_few_lines_and_the_end_is_said(failure: Exception) -> None:
    incidents = Incidents()

    said = day(lambda tick: failure, incidents)
    over = incidents.record_success([], NOON + A_DAY * TICK)

    # the beginning, then after 1, 2, 4 and 8 hours more
    assert [tick for tick, _ in said] == [0, 360, 1080, 2520, 5400]
    assert [line.event for _, line in said] == [True, False, False, False, False]
    assert [line.message for line in over] == [
        f"continuing after 1 day, 0:00:00 of waiting ({reason_of(failure).kind} of the "
        f"{reason_of(failure).source}, 8640 attempts)"
    ]
    assert incidents.open == []


def test_figures_that_change_in_a_message_are_no_new_reason() -> None:
    said = day(lambda tick: DiskFull(f"{tick / 100} GB free; expected 2.0"), Incidents(), 300)

    assert [tick for tick, _ in said] == [0]


def test_a_new_reason_of_what_lasts_is_said_once_and_reasons_that_alternate_are_not() -> None:
    down = ConnectorUnavailable("GET x: connection refused")
    unknown = OutcomeUnknown("POST x: timed out")
    refused = ConnectorRefused("GET x: got HTTP 401")

    said = day(lambda tick: refused if tick > 200 else (down, unknown)[tick % 2], Incidents(), 350)

    assert [tick for tick, _ in said] == [0, 1, 201]
    assert "another reason, 202 attempts in 0:33:30" in said[2][1].message


def test_endless_new_reasons_do_not_fill_the_log() -> None:
    said = day(
        lambda tick: RunFailed(f"a file named {chr(97 + tick % 26) * (1 + tick // 26)} is broken"),
        Incidents(),
    )

    assert len(said) < 15


@pytest.mark.parametrize("every", [2, 3, 30, 100], ids="failing once in {} ticks".format)
def test_what_comes_and_goes_for_a_day_is_one_incident(every: int) -> None:
    incidents = Incidents()
    down = ConnectorUnavailable("GET x: connection refused")

    said = day(lambda tick: down if tick % every == 0 else None, incidents)
    calm = [
        line
        for tick in range(400)
        for line in incidents.record_success([], NOON + (A_DAY + tick) * TICK)
    ]

    words = [line.message for _, line in said]
    assert words[0].endswith("connection refused")
    assert words[1].startswith("continuing")
    assert "it comes and goes" in words[2]
    assert len(words) <= 8
    assert len(calm) == 1
    assert f"{-(-A_DAY // every)} attempts" in calm[0].message


def test_a_failure_hours_after_the_last_one_was_over_is_a_new_incident() -> None:
    down = ConnectorUnavailable("GET x: connection refused")

    said = day(lambda tick: down if tick in (0, 1000) else None, Incidents(), 1100)

    assert [tick for tick, _ in said] == [0, 1, 1000, 1001]


def test_a_run_that_fails_is_not_over_while_it_waits_for_its_next_attempt() -> None:
    incidents = Incidents()
    incidents.record_failure(reason_of(RunFailed("weights: no such file")), NOON)

    waiting = incidents.record_success([Source.RUN], NOON + TICK)
    over = incidents.record_success([], NOON + 2 * TICK)

    assert waiting == []
    assert [line.level for line in over] == ["info"]


def test_two_things_that_do_not_work_are_two_incidents() -> None:
    incidents = Incidents()
    incidents.record_failure(reason_of(RunFailed("weights: no such file")), NOON)
    incidents.record_failure(reason_of(ConnectorUnavailable("down")), NOON + TICK)

    incidents.record_success([Source.RUN], NOON + 2 * TICK)

    assert [incident.reason.source for incident in incidents.open] == [Source.RUN]


def test_what_an_earlier_daemon_left_open_is_said_in_the_new_log_and_keeps_its_beginning() -> None:
    first = Incidents()
    down = ConnectorUnavailable("GET x: connection refused")
    first.record_failure(reason_of(down), NOON)
    second = Incidents(first.open)

    said = second.record_failure(reason_of(down), NOON + timedelta(hours=3))
    (over,) = second.record_success([], NOON + timedelta(hours=4))

    assert said is not None
    assert second.of(Source.TOOL) is not None
    assert "after 4:00:00" in over.message
    assert "2 attempts" in over.message


def test_a_clock_that_is_set_moves_what_was_kept_by_it() -> None:
    incidents, year = Incidents(), timedelta(days=365)
    incidents.record_failure(reason_of(ConnectorUnavailable("down")), NOON)

    incidents.shift_times(year)
    said = incidents.record_failure(reason_of(ConnectorUnavailable("down")), NOON + year + TICK)
    (over,) = incidents.record_success([], NOON + year + 2 * TICK)

    assert said is None
    assert over.message.startswith("continuing after 0:00:20 ")


def errors(base: type[MaskloopError] = MaskloopError) -> Iterator[type[MaskloopError]]:
    for error in base.__subclasses__():
        yield error
        yield from errors(error)


def test_every_error_of_ours_is_expected_and_only_others_bring_a_traceback() -> None:
    home = "daemon.domain.errors"
    ours = [reason_of(error("words")) for error in errors() if error.__module__ == home]
    other = reason_of(KeyError("x"))

    assert {reason.unexpected for reason in ours} == {False}
    assert other.unexpected
    assert other.words == "unexpected: KeyError: 'x'"
    assert reason_of(ConfigError("x")).source is Source.CONFIG
    assert reason_of(StoreTooNew("x")).source is Source.STORE
    assert reason_of(NotADirectoryError(errno.ENOTDIR, "Not a directory")).source is Source.OTHER
