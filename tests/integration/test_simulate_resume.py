"""A simulation that is killed or stopped goes on with the same command, as if nothing were."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from daemon.experiment.command import INTERRUPTED
from daemon.experiment.simulation.simulated_runs import Simulation
from tests.integration.simulated_field import make_field, results, simulate

ARMS = {"arms": "random,kcenter", "cycles": "2"}
# Files whose appearance is the moment of a kill, and the signal.
MOMENTS = (
    ("runs/seed-0/.first.part", signal.SIGKILL),
    ("runs/seed-0/first/state/runs/0001-train/request.json", signal.SIGKILL),
    ("runs/seed-0/arms/random/state/runs/0001-score", signal.SIGTERM),
    ("runs/seed-0/arms/random/state/runs/0002-train/checkpoint.pth", signal.SIGKILL),
    ("results.json", signal.SIGKILL),
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_field(tmp_path)
    return tmp_path


def test_it_goes_on_after_any_kill_as_if_undisturbed(home: Path) -> None:
    assert simulate(home, out=str(home / "calm"), **ARMS) == 0
    codes = [ended(home, home / "out" / path, number) for path, number in MOMENTS]

    for _ in MOMENTS:  # a run whose process outlived a kill for a moment is tried again
        if simulate(home, **ARMS) == 0:
            break

    assert figures(results(home)) == figures(results(home, "calm"))
    assert codes.count(-signal.SIGKILL) >= 3, codes
    assert set(codes) <= {-signal.SIGKILL, INTERRUPTED, 0, 1}


def ended(home: Path, moment: Path, number: signal.Signals) -> int:
    """Start the command in a child, end it when the path is there; its exit code.

    A path that is there for a moment only can be missed: then the child ends by itself.
    """
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = simulate(home, **ARMS)
        finally:
            os._exit(code)
    while not moment.exists():
        time.sleep(0.001)
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
    os.kill(child, number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def figures(found: Simulation) -> list[object]:
    """The runs without what depends on the clock."""
    return [
        (run.arm, run.replicate, [point.model_copy(update={"seconds": 0}) for point in run.points])
        for run in found.runs
    ]
