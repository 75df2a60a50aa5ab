"""Runs all jobs of a command, shows how far they are, and saves what is new."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from daemon.experiment.jobs.job import Job, JobParts
from daemon.experiment.jobs.job_threads import JobThreads
from daemon.experiment.jobs.training_progress import TrainingClock, training_display
from daemon.experiment.jobs.trainings_at_once import TrainingsAtOnce

SAVE_S = 2.0  # between two times that results are saved: quick jobs come faster


def run_jobs(
    jobs: Sequence[Job],
    parts: JobParts,
    at_once: TrainingsAtOnce,
    trainings: int,
    err: Console,
    save: Callable[[Mapping[str, str]], object],
) -> JobThreads:
    """Run all jobs; returns the threads, which know the faults and what the machine lacks.

    trainings: of the whole command. save: is given the faults so far, by job, whenever something
    is new; it is not called for the end.
    """
    threads = JobThreads(jobs, parts.stopped)
    clock = TrainingClock(trainings, trained(jobs), time.monotonic)
    saved_s = -SAVE_S
    with training_display(err, clock) as display:

        def look() -> None:
            nonlocal saved_s
            if parts.changed.is_set() and time.monotonic() - saved_s > SAVE_S:
                parts.changed.clear()
                saved_s = time.monotonic()
                clock.done = trained(jobs)
                save(threads.faults)
            display(threads.running)

        threads.run(at_once.number, look)
    return threads


def trained(jobs: Sequence[Job]) -> int:
    """How many trainings of these jobs are saved."""
    return sum(job.trained() for job in jobs)
