"""Which click network serves: the newest that did as well as what served before it."""

from __future__ import annotations

from daemon.config.loading import Config
from daemon.domain.errors import RunFailed
from daemon.runs.click_records import TrainClicksResult
from daemon.runs.click_worker_messages import ClicksRequest
from daemon.runs.run_folder import RunFolder

RUNS = "*-clicks"  # folders of trainings of the click network, one a cycle


def wanted_network(config: Config) -> ClicksRequest | None:
    """What the worker shall serve; None while no network may."""
    for path in sorted((config.state / "runs").glob(RUNS), reverse=True):
        run = RunFolder(path)
        if run.finished() and run.checkpoint.exists() and _may_serve(run):
            return ClicksRequest(
                checkpoint=run.checkpoint.absolute(),
                version=path.name,
                classes=config.classes.names,
                device="cpu",
                threads=1,
            )
    return None


def _may_serve(run: RunFolder) -> bool:
    try:
        return run.read_result(TrainClicksResult).trial.serves
    except RunFailed:
        return False  # of another release, or damaged
