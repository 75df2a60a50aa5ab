"""The notes of `maskloop check`: what is no fault and still worth knowing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.domain.errors import MaskloopError, StoreTooOld
from daemon.loop.components import open_connector
from daemon.runs.run_folder import RunFolder
from daemon.stages.pool_measures import drift_words, read_drift
from daemon.stages.run_settings import pending_changes
from daemon.stages.unused_files import faults_and_notes
from daemon.stages.warm_start import network_changes
from daemon.store import FILE, Store


def notes(config: Config) -> Sequence[str]:
    """Notes on the store, the runs and the labeling tool; none on a tool that does not answer."""
    return [*_store_notes(config), *_run_notes(config), *_tool_notes(config)]


def _tool_notes(config: Config) -> Sequence[str]:
    try:
        with closing(open_connector(config)) as connector:
            return [*connector.notes(), *faults_and_notes(connector.left_out())[1]]
    except (MaskloopError, OSError):
        return []  # the checks report it


def _store_notes(config: Config) -> Iterator[str]:
    """That the next start migrates a store of an older version; that validation has drifted."""
    path = config.state / FILE
    try:
        if path.exists():
            with Store(path, read_only=True) as store:
                store.require_current(path)
                if (drift := read_drift(store)) and drift.drifted:
                    yield drift_words(drift)
    except StoreTooOld as exc:
        yield f"{exc}; `maskloop backup FILE` keeps it as it is, for the older version"
    except MaskloopError:
        return  # the checks report it


def _run_notes(config: Config) -> Iterator[str]:
    """What changed settings mean for the run in progress and for the next training."""
    folders = sorted((config.state / "runs").glob("[0-9]*-*"))
    runs = [RunFolder(path) for path in folders if path.name.rpartition("-")[2] in set(Stage)]
    trained = [run for run in runs if run.finished() and run.checkpoint.exists()]
    try:
        for run in runs[-len(Stage) :]:
            stage = Stage(run.path.name.rpartition("-")[2])
            if changes := pending_changes(config, run, stage):
                yield f"run {run.path.name} will be started again, config.toml changed: {changes}"
        if trained and (changes := network_changes(config, trained[-1])):
            yield f"the next training starts from ImageNet weights, the network changed: {changes}"
    except (MaskloopError, OSError, ValueError) as exc:
        yield f"the runs in {config.state}: {exc}"
