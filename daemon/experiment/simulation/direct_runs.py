"""Runs outside of the loop, with the requests that the loop would write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.config.loading import Config
from daemon.domain import Evaluation
from daemon.experiment.jobs.job import Job
from daemon.experiment.jobs.run_results import require_figures
from daemon.runs.run_folder import PredictRequest, PredictResult, RunFolder
from daemon.stages.test_set import test_files


def measure(
    job: Job, config: Config, run: RunFolder, checkpoint: Path, settings: Mapping[str, Any]
) -> Evaluation:
    """Measure a model on the test images, as the loop does. Raises Stopped and RunFailed."""
    shared = {**request_fields(config), "settings": settings}
    request = PredictRequest(checkpoint=checkpoint, test=test_files(config), **shared)
    run.write_request(request)
    job.run_to_end(run, "predict", config.loop.poll_s)
    return require_figures(run.read_result(PredictResult).test)


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
