"""Runs outside of the loop, with the requests that the loop would write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.config.loading import Config
from daemon.domain import Evaluation
from daemon.domain.errors import RunFailed
from daemon.domain.evaluations import MIOU
from daemon.experiment.simulation.jobs import Job
from daemon.experiment.simulation.loop_in_home import Stopped
from daemon.insight.missing_figures import explain
from daemon.runs.run_folder import PredictRequest, PredictResult, RunFolder
from daemon.stages.test_set import test_files


def run_to_end(job: Job, config: Config, run: RunFolder, command: str) -> None:
    """Run a request until it has finished, or go on with it. Raises Stopped and RunFailed."""
    launcher = job.watch()
    try:
        while not launcher.advance(run, command):
            if job.parts.stopped.wait(config.loop.poll_s):
                raise Stopped
    finally:
        launcher.stop()


def measure(
    job: Job, config: Config, run: RunFolder, checkpoint: Path, settings: Mapping[str, Any]
) -> Evaluation:
    """Measure a model on the test images, as the loop does. Raises Stopped and RunFailed."""
    shared = {**request_fields(config), "settings": settings}
    request = PredictRequest(checkpoint=checkpoint, test=test_files(config), **shared)
    run.write_request(request)
    run_to_end(job, config, run, "predict")
    return require_figures(run.read_result(PredictResult).test)


def require_figures(test: Evaluation | None) -> Evaluation:
    """The figures on the test images. Raises RunFailed where none was measured, with the reason."""
    if test is not None and test.images:
        return test
    missing = None if test is None else test.missing.get(MIOU)
    why = "the run gave no figures" if missing is None else explain(missing)
    raise RunFailed(f"the test images were not measured: {why}")


def request_fields(config: Config) -> dict[str, Any]:
    """The fields that every request of a configuration shares (daemon/stages/context.py)."""
    training = config.training
    return {
        "classes": config.classes.names,
        "device": training.device,
        "threads": training.threads,
        "seed": training.seed,
        "settings": {"preset": training.preset, **training.settings},
    }
