"""Ticks on a schedule: one APScheduler job, never two at once. What is left to do is in the store.

APScheduler waits for a time of the wall clock, which people and NTP change. Set back by an hour, it
would wait for an hour; set forward by fifty years, its interval trigger would count every run that
was missed. So the next tick is always one interval from now, and a thread that waits by the
monotonic clock moves a tick nearer that is planned later than that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from daemon.domain import Clock

_TICK = "tick"
HINT_DELAY_S = 1.0  # Label Studio sends a webhook some tenths of a second before it commits
_CLOCK_CHECK_S = 1.0
_SLACK_S = 1.0  # so that a tick which is being planned at this moment is not moved


class _IntervalFromNow(BaseTrigger):  # type: ignore[misc]  # untyped
    """Fires one interval after now; runs that a clock set forward has skipped are not made up."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return now + self._interval


class Schedule:
    """Runs the job every `interval_s` seconds until `stop`, also when the wall clock is changed."""

    def __init__(self, scheduler: BackgroundScheduler, interval_s: float, wall: Clock) -> None:
        self._scheduler, self._wall = scheduler, wall
        self._longest_wait = timedelta(seconds=interval_s + _SLACK_S)
        self._stopped = threading.Event()
        self._clock_thread = threading.Thread(target=self._follow_clock, name="clock", daemon=True)
        self._clock_thread.start()

    def tick_soon(self, delay_s: float = HINT_DELAY_S) -> None:
        """Tick in `delay_s` seconds at the latest; several calls in a row cause one tick."""
        now = self._wall()
        self._tick_by(now, now + timedelta(seconds=delay_s))

    def stop(self) -> None:
        """Wait until a tick that runs has ended; no further one starts."""
        self._stopped.set()
        self._clock_thread.join()
        self._scheduler.shutdown(wait=True)

    def _follow_clock(self) -> None:
        while not self._stopped.wait(_CLOCK_CHECK_S):
            now = self._wall()
            job = self._scheduler.get_job(_TICK)
            if job is not None and job.next_run_time - now > self._longest_wait:
                self._reschedule(now)

    def _tick_by(self, now: datetime, latest: datetime) -> None:
        job = self._scheduler.get_job(_TICK)
        if job is not None and not now <= job.next_run_time <= latest:
            self._reschedule(latest)

    def _reschedule(self, time: datetime) -> None:
        try:
            self._scheduler.modify_job(_TICK, next_run_time=time)
        except JobLookupError:
            return  # `stop` was called meanwhile


class Waker:
    """Brings the next tick forward while there is a schedule.

    Other threads and ticks call it. A scheduler that is stopping waits for its tick, so it gets
    no further calls.
    """

    def __init__(self) -> None:
        self._schedule: Schedule | None = None
        self._used = threading.Lock()

    def serve(self, schedule: Schedule | None) -> None:
        """Use this schedule from now on; None: none. Returns when no call is under way."""
        with self._used:
            self._schedule = schedule

    def __call__(self) -> None:
        """Tick within about a second, if there is a schedule."""
        with self._used:
            if self._schedule is not None:
                self._schedule.tick_soon()


def start_scheduler(
    job: Callable[[], object],
    interval_s: float,
    wall: Clock = lambda: datetime.now(UTC),
) -> Schedule:
    """Run `job` now and then every `interval_s` seconds; a run that is due while another one
    works is left out.

    All runs share one thread that lives as long as the schedule: the kernel's parent-death signal
    of a child follows the thread that started it. wall: the clock that APScheduler uses.
    """
    scheduler = BackgroundScheduler(
        timezone="UTC", executors={"default": ThreadPoolExecutor(max_workers=1)}
    )
    scheduler.add_job(
        job,
        _IntervalFromNow(timedelta(seconds=interval_s)),
        id=_TICK,
        next_run_time=wall(),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    return Schedule(scheduler, interval_s, wall)
