"""Runs jobs in threads, several at once, each with a launcher of its own. A job that fails leaves
the others alone; want of memory or disk ends them all."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Callable, Sequence

from daemon.domain.errors import DiskFull, MaskloopError
from daemon.domain.os_errors import describe_os_error
from daemon.experiment.jobs.job import Job, Stopped

log = logging.getLogger(__name__)

LOOK_S = 0.1  # between two looks at the threads
_SCARCE = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)


class JobThreads:
    """faults: job -> why it failed, in words. scarce: what the machine lacks, in words; "" for
    nothing."""

    def __init__(self, jobs: Sequence[Job], stopped: threading.Event) -> None:
        self._jobs, self._stopped = jobs, stopped
        self._running: dict[str, threading.Event] = {}  # job -> set when its thread has ended
        self._started: set[str] = set()
        self.faults: dict[str, str] = {}
        self.scarce = ""

    @property
    def running(self) -> list[Job]:
        """The jobs whose threads run."""
        return [job for job in self._jobs if job.name in self._running]

    def run(self, parallel: Callable[[], int], look: Callable[[], None]) -> None:
        """Run all jobs in order, as many at once as `parallel` says; look: called meanwhile.

        An exception in this thread, as of Ctrl-C, ends the jobs and goes on when they have saved.
        """
        try:
            while self._start(parallel()):
                look()
                self._remove_ended()
        finally:
            self._stopped.set()
            if self._running:
                log.info("stopping: %s save", ", ".join(self._running))
            for ended in self._running.values():
                ended.wait()
            self._running.clear()

    def _start(self, parallel: int) -> bool:
        """Start what may start; whether anything runs."""
        for job in self._jobs:
            if len(self._running) >= parallel or self._stopped.is_set():
                break
            if job.name in self._started or not self._may_start(job):
                continue
            self._started.add(job.name)
            ended = self._running[job.name] = threading.Event()
            threading.Thread(target=self._run, args=(job, ended), name=job.name).start()
        return bool(self._running)

    def _may_start(self, job: Job) -> bool:
        before = next((other for other in self._jobs if other.name == job.needs), None)
        ended = before is None or before.name not in self._running
        return not job.done() and ended and (before is None or before.done())

    def _remove_ended(self) -> None:
        """Waits by events: CPython 3.11 takes a thread whose `join` a signal interrupts for ended,
        and children would be killed before they have saved."""
        for name, ended in list(self._running.items()):
            if ended.wait(LOOK_S / len(self._running)):
                del self._running[name]

    def _run(self, job: Job, ended: threading.Event) -> None:
        try:
            self._do(job)
        finally:
            ended.set()

    def _do(self, job: Job) -> None:
        try:
            job.run()
        except Stopped:
            return
        except (MaskloopError, OSError, MemoryError) as exc:
            self._record(job, exc)
        except Exception as exc:
            log.exception("failed")
            self.faults[job.name] = f"unexpected: {type(exc).__name__}: {exc}"

    def _record(self, job: Job, exc: Exception) -> None:
        words = describe_os_error(exc) if isinstance(exc, OSError) else str(exc)
        lacks = job.watched.lacks() if job.watched else ""
        if isinstance(exc, DiskFull | MemoryError) or getattr(exc, "errno", 0) in _SCARCE:
            lacks = lacks or _lacking(exc)
        if lacks:
            self.scarce = f"{job.name}: the machine lacks {lacks}: {words}"
            self._stopped.set()
            return
        self.faults[job.name] = words
        log.warning("failed: %s", words)


def _lacking(exc: Exception) -> str:
    memory = isinstance(exc, MemoryError) or getattr(exc, "errno", 0) == errno.ENOMEM
    return "memory" if memory else "disk"
