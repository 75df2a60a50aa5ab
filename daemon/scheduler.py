"""When to look: one APScheduler job, never two at once. What is left to do stands in the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler


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
        id="tick",
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    return scheduler
