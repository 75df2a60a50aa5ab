"""Progress of trainings: bars on a terminal, else a line in the log for each training."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from daemon.domain.formatting import count, duration
from daemon.experiment.jobs.job import Job

log = logging.getLogger(__name__)

LOG_EVERY_S = 300.0  # between two lines, while no training ends
ENOUGH = 0.1  # trainings of this process, before a remaining time is said


class TrainingClock:
    """How much is done, and how long the rest takes at the speed of this process so far.

    total: trainings of the whole command. done: those that earlier processes have done.
    """

    def __init__(self, total: int, done: int, monotonic: Callable[[], float]) -> None:
        self.total, self.done = total, done
        self._at_start, self._monotonic = done, monotonic
        self._since_s = monotonic()

    def left_s(self, under_way: float) -> float | None:
        """Seconds until the end; None while that cannot be said. under_way: parts of trainings."""
        finished = self.done - self._at_start + under_way
        if finished < ENOUGH:
            return None
        elapsed = self._monotonic() - self._since_s
        return max(0.0, elapsed / finished * (self.total - self.done - under_way))

    def words(self, under_way: float) -> str:
        """As in "3 of 40 trainings, about 2 h 5 min left"."""
        left = self.left_s(under_way)
        words = f"{self.done} of {count(self.total, 'training')}"
        return words if left is None else f"{words}, about {duration(left)} left"


def part_done(job: Job) -> float:
    """Share of the training that a job is at, in [0, 1]; 0 while it does something else."""
    run = job.watched.current if job.watched else None
    now = run.read_progress() if run and not run.finished() else None
    if run is None or now is None or "train" not in run.path.name or not now.steps:
        return 0.0
    return min(1.0, now.step / now.steps)


def phase_of(job: Job) -> str:
    """What a job does at this moment, as "seed 0 random: 0002-train, iteration 40 of 600"."""
    run = job.watched.current if job.watched else None
    now = run.read_progress() if run and not run.finished() else None
    if run is None:
        return job.name
    if now is None:
        return f"{job.name}: {run.path.name}"
    return f"{job.name}: {run.path.name}, {now.phase} {now.step} of {now.steps}"


@contextmanager
def training_display(
    console: Console, clock: TrainingClock
) -> Iterator[Callable[[Sequence[Job]], None]]:
    """A callback that shows the jobs which run; to be called every moment."""
    if not console.is_terminal:
        yield _ProgressLines(clock).look
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars, clock).look


class _Bars:
    def __init__(self, bars: Progress, clock: TrainingClock) -> None:
        self._bars, self._clock = bars, clock
        self._whole = bars.add_task("", total=clock.total)
        self._of_jobs: dict[str, TaskID] = {}

    def look(self, jobs: Sequence[Job]) -> None:
        names = {job.name for job in jobs}
        for name in set(self._of_jobs) - names:
            self._bars.remove_task(self._of_jobs.pop(name))
        for job in jobs:
            if job.name not in self._of_jobs:
                self._of_jobs[job.name] = self._bars.add_task("", total=None)
            run = job.watched.current if job.watched else None
            now = run.read_progress() if run else None
            self._bars.update(
                self._of_jobs[job.name],
                description=f"{job.name}{f': {run.path.name}' if run else ''}",
                completed=now.step if now else 0,
                total=now.steps if now else None,
            )
        under_way = sum(map(part_done, jobs))
        words = self._clock.words(under_way)
        self._bars.update(self._whole, description=words, completed=self._clock.done)


class _ProgressLines:
    def __init__(self, clock: TrainingClock) -> None:
        self._clock, self._done, self._logged_s = clock, clock.done, time.monotonic()

    def look(self, jobs: Sequence[Job]) -> None:
        news = self._clock.done != self._done
        if not news and time.monotonic() - self._logged_s < LOG_EVERY_S:
            return
        self._done, self._logged_s = self._clock.done, time.monotonic()
        log.info("%s", self._clock.words(sum(map(part_done, jobs))))
        if not news:
            for job in jobs:
                log.info("%s", phase_of(job))
