"""run.json and point.json: what a job has found so far, in its own folder."""

from __future__ import annotations

from pathlib import Path

from daemon.experiment.jobs.saved_records import AnyRecord, read_saved
from daemon.experiment.simulation.simulated_runs import FullLabelPoint, SimulatedRun
from daemon.runs.durable import write_json


def save_run(folder: Path, run: SimulatedRun) -> None:
    """Replace the points of an arm or of an A/A run."""
    write_json(folder / "run.json", run.model_dump(mode="json"))


def read_run(folder: Path) -> SimulatedRun | None:
    """The points so far; None before the first. Raises ExperimentRefused for a damaged file."""
    return _read(folder / "run.json", SimulatedRun)


def save_full(folder: Path, point: FullLabelPoint) -> None:
    """Write the figures of a training on all labels."""
    write_json(folder / "point.json", point.model_dump(mode="json"))


def read_full(folder: Path) -> FullLabelPoint | None:
    """These figures; None before. Raises ExperimentRefused for a damaged file."""
    return _read(folder / "point.json", FullLabelPoint)


def _read(path: Path, kind: type[AnyRecord]) -> AnyRecord | None:
    return read_saved(path, kind, made_again=path.parent)
