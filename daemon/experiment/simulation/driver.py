"""`maskloop simulate`: the jobs in order, results.json after each training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from daemon.domain import Clock, Stage
from daemon.domain.errors import ExperimentRefused, RunFailed
from daemon.domain.formatting import count
from daemon.experiment.child_runs import progress_display
from daemon.experiment.command import INTERRUPTED, make_folder, sigterm_interrupts
from daemon.experiment.jobs.job import Job
from daemon.experiment.jobs.job_log import log_of_jobs
from daemon.experiment.jobs.job_runner import run_jobs
from daemon.experiment.jobs.trainings_at_once import TrainingsAtOnce
from daemon.experiment.simulation.further_trainings import FullLabelJob, ReplicateJob
from daemon.experiment.simulation.joined_simulations import join_simulations
from daemon.experiment.simulation.kept_launchers import KeptLaunchers
from daemon.experiment.simulation.loop_jobs import ArmJob, FirstModelJob, PoolJob
from daemon.experiment.simulation.probe import ProbeLauncher, make_features
from daemon.experiment.simulation.report import write_report
from daemon.experiment.simulation.results_file import write_results
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.experiment.simulation.simulation_folder import SimulationFolder, run_in
from daemon.experiment.simulation.simulation_job import Parts
from daemon.experiment.simulation.simulation_options import PROBE, SimulationOptions
from daemon.experiment.simulation.simulation_plan import Plan, make_plan, settle_request
from daemon.launchers import Launcher
from daemon.launchers.local import LocalLauncher
from daemon.runs.durable import write_json
from daemon.runs.run_folder import RunFolder


def run_simulation(
    options: SimulationOptions,
    out: Console,
    err: Console,
    now: Clock,
    make_launcher: Callable[[], Launcher] = LocalLauncher,
    report: Callable[[Simulation, Path], None] = write_report,
) -> int:
    """Do what is not done yet; the exit code: 0, 1 where a part failed, 130 after an interrupt.

    make_launcher: a launcher for each job that trains HRDA. report: writes the report. Raises
    ExperimentRefused, and RunFailed where the machine lacks memory or disk.
    """
    make_folder(options.out)
    with RunFolder(options.out).locked(), sigterm_interrupts(), log_of_jobs():
        try:
            found = _simulate(make_plan(options), err, now, make_launcher, report)
        except KeyboardInterrupt:
            err.print(f"stopped; the same command goes on in {options.out}", markup=False)
            return INTERRUPTED
    _print_end(found, options.out, out)
    return 0 if found.complete else 1


def _simulate(
    plan: Plan,
    err: Console,
    now: Clock,
    make_launcher: Callable[[], Launcher],
    report: Callable[[Simulation, Path], None],
) -> Simulation:
    plan, request = settle_request(plan)
    _write_inputs(plan)
    options = plan.options
    at_once = TrainingsAtOnce(
        parallel=options.parallel,
        device=options.device,
        threads=options.threads,
        first=lambda: first_training(plan),
    )
    with _launchers(plan, err, make_launcher) as make:
        parts = Parts(plan=plan, now=now, make_launcher=make, threads=at_once.threads)
        jobs = jobs_of(parts)

        def save(faults: Mapping[str, str]) -> Simulation:
            return write_results(plan, request, jobs, faults)

        threads = run_jobs(jobs, parts, at_once, plan.trainings(), err, save)
    found = save(threads.faults)
    report(found, options.out)
    if threads.scarce:
        raise RunFailed(f"{threads.scarce}; the same command goes on in {options.out}")
    return found


def first_training(plan: Plan) -> RunFolder | None:
    """The first model of a seed, where one is trained."""
    runs = (run_in(plan.folder.first(seed), f"0001-{Stage.TRAIN}") for seed in plan.options.seeds)
    return next((run for run in runs if run.finished()), None)


@contextmanager
def _launchers(
    plan: Plan, err: Console, make_launcher: Callable[[], Launcher]
) -> Iterator[Callable[[], Launcher]]:
    """What makes the launcher of a job; the probe's keep their processes from job to job."""
    options = plan.options
    if options.learner != PROBE:
        yield make_launcher
        return
    images = [plan.source.images[name] for name in (*plan.train, *plan.test)]
    with progress_display(err) as on_progress:
        features = make_features(
            images,
            plan.folder.features,
            options.settings,
            device=options.device,
            threads=options.threads,
            on_progress=on_progress,
        )
    kept = KeptLaunchers(lambda: ProbeLauncher(features))
    try:
        yield kept.take
    finally:
        kept.stop()


def write_saved_report(
    out: Path, console: Console, reference: Path | None = None, added: Sequence[Path] = ()
) -> int:
    """Write the report of a simulation from its results.json; 0. It may still run.

    reference: the folder of another simulation, whose ranking of the arms is compared. added:
    folders or files of the same simulation with other seeds or arms, which are joined with it.
    Raises ExperimentRefused where there are no results, and where the joined ones do not fit.
    """
    found = join_simulations(read_simulation(out), {str(p): read_simulation(p) for p in added})
    write_report(found, out, read_simulation(reference) if reference else None)
    _print_end(found, out, console)
    return 0


def read_simulation(out: Path) -> Simulation:
    """The results of a simulation, of its folder or its results.json. Raises ExperimentRefused
    where they are not there or cannot be read."""
    file = out if out.is_file() else SimulationFolder(out).results_file
    try:
        return Simulation.model_validate_json(file.read_bytes())
    except FileNotFoundError as exc:
        raise ExperimentRefused(
            f"{file}: is not there; expected the folder of a simulation with at least one training"
        ) from exc
    except ValidationError as exc:
        raise ExperimentRefused(
            f"{file}: cannot be read as results: {exc}; delete it, the command of the simulation "
            f"makes it again"
        ) from exc


def jobs_of(parts: Parts) -> list[Job]:
    """All jobs, in the order in which they start: seed by seed, so that pairs come early."""
    options = parts.plan.options
    jobs: list[Job] = [PoolJob(parts)]
    for seed in options.seeds:
        jobs.append(FirstModelJob(parts, seed))
        jobs += [ArmJob(parts, seed, arm) for arm in options.arms]
        jobs += [
            ReplicateJob(parts, seed, options.replicate_arm, number)
            for number in range(1, options.replicates + 1)
        ]
    return [*jobs, *(FullLabelJob(parts, options.seeds[0], method) for method in options.full)]


def _write_inputs(plan: Plan) -> None:
    """Link the images of the training list, and write the lists. Twice changes nothing."""
    folder = plan.folder
    folder.images.mkdir(exist_ok=True)
    for name in plan.train:
        image = plan.source.images[name]
        link = folder.images / image.name
        if not link.is_symlink():
            link.symlink_to(image)
    if not folder.splits_file.exists():
        write_json(folder.splits_file, {"train": list(plan.train), "test": list(plan.test)})


def _print_end(found: Simulation, folder: Path, out: Console) -> None:
    for fault in found.faults:
        out.print(f"{fault.job}: {fault.message}", markup=False)
    points = sum(len(run.points) for run in found.runs)
    state = "complete" if found.complete else "not complete; the same command tries the rest again"
    counts = f"{count(len(found.runs), 'run')}, {count(points, 'point')}"
    out.print(f"{folder}: {counts}: {state}", markup=False)
    out.print(f"{folder / 'report.html'} and {folder / 'table.md'} compare the arms", markup=False)
