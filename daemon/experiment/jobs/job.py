"""A job: a part of a command that one thread does, and that goes on where it was when its process
ended."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.experiment.jobs.watched_launcher import WatchedLauncher
from daemon.launchers import Launcher
from daemon.runs.run_folder import RunFolder


class Stopped(Exception):
    """Somebody asked the command to stop; what is done is saved."""


@dataclass(frozen=True, kw_only=True)
class JobParts:
    """What all jobs of a command share.

    threads: CPU threads of one training, asked when a job starts. stopped: set when all jobs have
    to end. changed: set by a job that has a new result.
    """

    make_launcher: Callable[[], Launcher]
    threads: Callable[[], int]
    stopped: threading.Event = field(default_factory=threading.Event)
    changed: threading.Event = field(default_factory=threading.Event)


class Job(ABC):
    """name: unique, for people. needs: the name of the job that comes before; "" for none.
    watched: the launcher of a job that runs; None before. seed, arm, replicate: what it is of."""

    name: str
    needs: str = ""
    seed: int = 0
    arm: str = ""
    replicate: int = 0

    def __init__(self, parts: JobParts) -> None:
        self.parts = parts
        self.watched: WatchedLauncher | None = None

    @abstractmethod
    def done(self) -> bool:
        """Whether all of it is saved."""

    @abstractmethod
    def trained(self) -> int:
        """How many of its trainings are saved."""

    @abstractmethod
    def run(self) -> None:
        """Do what is missing. Raises Stopped, RunFailed and ExperimentRefused."""

    def watch(self, until: str = "") -> WatchedLauncher:
        """A new launcher of this job. until: see WatchedLauncher."""
        self.watched = WatchedLauncher(self.parts.make_launcher(), until)
        return self.watched

    def run_to_end(
        self,
        run: RunFolder,
        command: str,
        poll_s: float,
        on_progress: Callable[[RunFolder], None] = lambda run: None,
    ) -> None:
        """Run a request until it has finished, or go on with it. poll_s: between two looks at it,
        each followed by a call of `on_progress`. Raises Stopped and RunFailed."""
        launcher = self.watch()
        try:
            while not launcher.advance(run, command):
                on_progress(run)
                if self.parts.stopped.wait(poll_s):
                    raise Stopped
        finally:
            launcher.stop()
            on_progress(run)
