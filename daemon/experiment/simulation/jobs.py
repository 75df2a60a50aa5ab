"""A job of a simulation: a part that one thread does, and that goes on where it was when its
process ended."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.domain import Clock
from daemon.experiment.simulation.simulation_plan import Plan
from daemon.experiment.simulation.watched_launcher import WatchedLauncher
from daemon.launchers import Launcher


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What all jobs share.

    threads: of one training, asked when a job starts. stopped: set when all jobs have to end.
    changed: set by a job that has a new point.
    """

    plan: Plan
    now: Clock
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

    def __init__(self, parts: Parts) -> None:
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
