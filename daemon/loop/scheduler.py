"""When to look: one APScheduler job, never two at once. What is left to do stands in the store.

APScheduler waits for a time of the wall clock, which people and NTP set. Set back by an hour, it
would wait for an hour; set forward by fifty years, its interval trigger would count every look
that was missed. So the next look is always one interval from now, and a thread that waits by the
steady clock brings a look forward that lies further away than that.
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
HINT_DELAY_S = 1.0  # a webhook is sent before its change is committed, some tenths of a second
_CLOCK_CHECK_S = 1.0
_SLACK_S = 1.0  # so that a look which is just being planned is not brought forward


class _Every(BaseTrigger):  # type: ignore[misc]  # untyped
    """One interval after now, however many looks a clock that was set forward has skipped."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return now + self._interval


class Schedule:
    """Looks every `interval_s` seconds, whatever happens to the wall clock, until `stop`."""

    def __init__(self, scheduler: BackgroundScheduler, interval_s: float, wall: Clock) -> None:
        self._scheduler, self._wall = scheduler, wall
        self._furthest = timedelta(seconds=interval_s + _SLACK_S)
        self._stopped = threading.Event()
        self._watch = threading.Thread(target=self._keep_up, name="clock", daemon=True)
        self._watch.start()

    def hasten(self, delay_s: float = HINT_DELAY_S) -> None:
        """Look in `delay_s` seconds unless a look comes sooner; so hints in a row make one look."""
        now = self._wall()
        self._bring_forward(now, now + timedelta(seconds=delay_s))

    def stop(self) -> None:
        """Wait for a look that is under way, then make no more."""
        self._stopped.set()
        self._watch.join()
        self._scheduler.shutdown(wait=True)

    def _keep_up(self) -> None:
        while not self._stopped.wait(_CLOCK_CHECK_S):
            now = self._wall()
            job = self._scheduler.get_job(_TICK)
            if job is not None and job.next_run_time - now > self._furthest:
                self._move(now)

    def _bring_forward(self, now: datetime, soon: datetime) -> None:
        job = self._scheduler.get_job(_TICK)
        if job is not None and not now <= job.next_run_time <= soon:
            self._move(soon)

    def _move(self, to: datetime) -> None:
        try:
            self._scheduler.modify_job(_TICK, next_run_time=to)
        except JobLookupError:
            return  # the schedule ends


def start_scheduler(
    job: Callable[[], object],
    interval_s: float,
    wall: Clock = lambda: datetime.now(UTC),
) -> Schedule:
    """Run `job` now and then every `interval_s` seconds; a look that comes due while one
    runs is left out.

    One worker thread for the whole life: the kernel ties a child's parent-death signal to the
    thread that started it. wall: the clock that APScheduler goes by.
    """
    scheduler = BackgroundScheduler(
        timezone="UTC", executors={"default": ThreadPoolExecutor(max_workers=1)}
    )
    scheduler.add_job(
        job,
        _Every(timedelta(seconds=interval_s)),
        id=_TICK,
        next_run_time=wall(),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    return Schedule(scheduler, interval_s, wall)
