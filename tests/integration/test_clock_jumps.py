"""A real scheduler under a wall clock that somebody sets while it runs."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, tzinfo

import apscheduler.schedulers.base as scheduling
import pytest

from daemon.loop.scheduler import start_scheduler

INTERVAL_S = 0.2
PATIENCE_S = 60.0


class Wall:
    """The wall clock of this machine, moved by `offset`."""

    offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


class Looks:
    """Counts the looks of a schedule."""

    def __init__(self) -> None:
        self.count = 0
        self._looked = threading.Condition()

    def __call__(self) -> None:
        with self._looked:
            self.count += 1
            self._looked.notify_all()

    def more(self, number: int) -> bool:
        """Wait for so many looks from now on; whether they came."""
        with self._looked:
            wanted = self.count + number
        return self.at_least(wanted)

    def at_least(self, number: int) -> bool:
        """Wait for so many looks in all; whether they came."""
        with self._looked:
            return self._looked.wait_for(lambda: self.count >= number, PATIENCE_S)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """APScheduler reads this clock too."""
    clock = Wall()

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.now().astimezone(tz)

    monkeypatch.setattr(scheduling, "datetime", Moved)
    return clock


@pytest.mark.parametrize(
    "jump",
    [
        timedelta(hours=-1),
        timedelta(days=-365 * 50),
        timedelta(hours=1),
        timedelta(days=365 * 50),  # an interval trigger would count 8 * 10^9 missed looks
        timedelta(seconds=2),
    ],
    ids=["back an hour", "back to 1976", "on an hour", "on by fifty years", "an NTP step"],
)
def test_looks_go_on_after_the_clock_was_set(wall: Wall, jump: timedelta) -> None:
    looks = Looks()
    schedule = start_scheduler(looks, INTERVAL_S, wall.now)
    try:
        assert looks.more(2)
        wall.offset = jump
        assert looks.more(3)
        wall.offset = timedelta(0)
        assert looks.more(3)
    finally:
        schedule.stop()

    at_the_end = looks.count
    time.sleep(2 * INTERVAL_S)
    assert looks.count == at_the_end


def test_a_hint_counts_after_the_clock_was_set_back(wall: Wall) -> None:
    looks = Looks()
    schedule = start_scheduler(looks, 600, wall.now)
    try:
        assert looks.at_least(1)
        wall.offset = timedelta(hours=-5)
        schedule.tick_soon(0.1)
        assert looks.more(1)
    finally:
        schedule.stop()
