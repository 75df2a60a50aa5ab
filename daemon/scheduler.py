"""When to look: one APScheduler job, never two at once. What is left to do stands in the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

_TICK = "tick"
HINT_DELAY_S = 1.0  # a webhook is sent before its change is committed, some tenths of a second


def start_scheduler(job: Callable[[], object], interval_s: float) -> BackgroundScheduler:
    """Run `job` now and then every `interval_s` seconds; a look that comes due while one
    runs is left out.

    One worker thread for the whole life: the kernel ties a child's parent-death signal to the
    thread that started it.
    """
    scheduler = BackgroundScheduler(
        timezone="UTC", executors={"default": ThreadPoolExecutor(max_workers=1)}
    )
    scheduler.add_job(
        job,
        "interval",
        seconds=interval_s,
        id=_TICK,
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    return scheduler


def hasten(scheduler: BackgroundScheduler, delay_s: float = HINT_DELAY_S) -> None:
    """Look in `delay_s` seconds unless a look comes sooner; so hints in a row make one look."""
    soon = datetime.now(UTC) + timedelta(seconds=delay_s)
    job = scheduler.get_job(_TICK)
    if job is not None and job.next_run_time is not None and job.next_run_time > soon:
        job.modify(next_run_time=soon)
