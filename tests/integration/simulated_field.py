"""A labeled folder with lists, and `maskloop simulate` on it with the quick learner."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from daemon.experiment.simulation.driver import run_simulation
from daemon.experiment.simulation.simulated_runs import SimulatedRun, Simulation
from daemon.experiment.simulation.simulation_options import (
    SimulationOptions,
    add_options,
    read_options,
)
from tests.fakes.launcher import ForkLauncher
from tests.integration.workbench import paint

TEST_IMAGES = 6
Report = Callable[[Simulation, Path], None]
QUICK = ("loop.poll_s=0.01", "storage.min_free_gb=0.0", "selection.duplicate_similarity=1.0")


def no_report(found: Simulation, folder: Path) -> None:
    """In place of the report."""


def make_field(home: Path, images: int = 30) -> None:
    """Painted images and masks; the last ones are the test list."""
    paint(home, images)
    names = sorted(path.stem for path in (home / "images").iterdir())
    lists = {"train": names[:-TEST_IMAGES], "test": names[-TEST_IMAGES:]}
    (home / "splits.json").write_text(json.dumps(lists))


def command_line(home: Path, **changes: str) -> list[str]:
    """The words of the command; a value "" leaves an option out."""
    given = {
        "images": str(home / "images"),
        "masks": str(home / "masks"),
        "splits": str(home / "splits.json"),
        "arms": "random,entropy",
        "initial": "4",
        "validation": "4",
        "batch": "3",
        "cycles": "3",
        "classes": "soil,crop,weed",
        "out": str(home / "out"),
        **changes,
    }
    options = [part for name, value in given.items() if value for part in (f"--{name}", value)]
    return [*options, *(part for setting in QUICK for part in ("--set", setting))]


def options_of(home: Path, *words: str, **changes: str) -> SimulationOptions:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_options(parser.parse_args([*command_line(home, **changes), *words]))


def simulate(home: Path, *words: str, report: Report = no_report, **changes: str) -> int:
    """Run the command in this process; the exit code. report: drawing one takes a second."""
    quiet = Console(file=io.StringIO())
    options = options_of(home, *words, **changes)
    return run_simulation(options, quiet, quiet, lambda: datetime.now(UTC), ForkLauncher, report)


def results(home: Path, out: str = "out") -> Simulation:
    return Simulation.model_validate_json((home / out / "results.json").read_bytes())


def run_of(found: Simulation, arm: str, seed: int = 0, replicate: int = 0) -> SimulatedRun:
    key = (arm, seed, replicate)
    return next(run for run in found.runs if (run.arm, run.seed, run.replicate) == key)
