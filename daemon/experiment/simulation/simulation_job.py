"""What the jobs of a simulation share beside what all jobs do."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.domain import Clock
from daemon.experiment.jobs.job import Job, JobParts
from daemon.experiment.simulation.simulation_plan import Plan


@dataclass(frozen=True, kw_only=True)
class Parts(JobParts):
    """plan: of the whole simulation. now: the clock of its loops."""

    plan: Plan
    now: Clock


class SimulationJob(Job):
    """A job that knows the plan of its simulation."""

    parts: Parts
