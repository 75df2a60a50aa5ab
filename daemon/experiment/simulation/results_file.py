"""results.json: gathered from what the jobs have saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.experiment.jobs.job import Job
from daemon.experiment.simulation.saved_points import read_full, read_run
from daemon.experiment.simulation.simulated_runs import RunFault, SimulatedRun, Simulation
from daemon.experiment.simulation.simulation_plan import Plan
from daemon.runs.durable import write_json


def write_results(
    plan: Plan, request: Mapping[str, Any], jobs: Sequence[Job], faults: Mapping[str, str]
) -> Simulation:
    """Replace results.json by what is known now; returns its content."""
    found = gather(plan, request, jobs, faults)
    write_json(plan.folder.results_file, found.model_dump(mode="json"))
    return found


def gather(
    plan: Plan, request: Mapping[str, Any], jobs: Sequence[Job], faults: Mapping[str, str]
) -> Simulation:
    """All runs with at least one point, by seed, arm and replicate."""
    options, folder = plan.options, plan.folder
    places = [folder.arm(seed, arm) for seed in options.seeds for arm in options.arms]
    places += [
        folder.replicate(seed, options.replicate_arm, number)
        for seed in options.seeds
        for number in range(1, options.replicates + 1)
    ]
    runs: list[SimulatedRun] = [run for place in places if (run := read_run(place))]
    points = [read_full(folder.full(method, options.seeds[0])) for method in options.full]
    return Simulation(
        classes=plan.classes,
        request=request,
        complete=all(job.done() for job in jobs),
        runs=tuple(runs),
        full=tuple(point for point in points if point),
        faults=tuple(
            RunFault(
                job=job.name,
                arm=job.arm,
                seed=job.seed,
                replicate=job.replicate,
                message=faults[job.name],
            )
            for job in jobs
            if job.name in faults
        ),
    )
