"""Lines that every look would say again."""

from __future__ import annotations

import logging

import pytest

from daemon.loop.repeated_lines import MAX_LINES, RepeatFilter

HOUR = 3_600.0


class Log:
    """A handler with the filter, under a clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 0.0
        self.lines: list[tuple[float, str]] = []
        self._filter = RepeatFilter(lambda: self.at)

    def say(self, words: str, *values: object, level: int = logging.WARNING) -> None:
        record = logging.LogRecord("some.room", level, "file", 1, words, values, None)
        if self._filter.filter(record):
            self.lines.append((self.at, record.getMessage()))


def test_a_line_of_every_look_is_shown_some_times_a_day_with_how_often_it_was_left_out() -> None:
    log = Log()

    for tick in range(8_640):
        log.at = 10.0 * tick
        log.say("task %d has no image", 7)

    assert [at / HOUR for at, _ in log.lines] == [0, 1, 3, 7, 15]
    assert log.lines[1][1] == "task 7 has no image (and 359 times since)"


def test_lines_that_differ_and_errors_are_always_shown() -> None:
    log = Log()

    for number in range(3):
        log.say("stage done cycle=%d", number, level=logging.INFO)
        log.say("broken", level=logging.ERROR)

    assert len(log.lines) == 6


@pytest.mark.parametrize("number", [MAX_LINES * 3])
def test_its_memory_is_bounded(number: int) -> None:
    log = Log()

    for line in range(number):
        log.say("line %d", line)

    assert len(log.lines) == number
    assert len(log._filter._lines) == MAX_LINES
