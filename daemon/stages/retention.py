"""Deletes old checkpoints; keeps the best, the newest and the one that serves. Small masks for the
page are kept of more trainings. Of each image its newest prior map is kept: people click with it,
and the click network learns with it, since the model that drew it had not seen the label."""

from __future__ import annotations

import shutil
from pathlib import Path

from daemon.domain import Stage
from daemon.domain.errors import DiskFull
from daemon.runs.predicted_masks import predict_run, predicted_cycles
from daemon.runs.prior_maps import prior_file
from daemon.runs.run_folder import RunFolder
from daemon.stages.context import Context

KEPT_PRIORS = 2  # newest predictions with all prior maps; people may be clicking with the older one
KEPT_PICTURES = 20  # newest trainings whose small masks are kept, about 5 MB each


def require_space(context: Context) -> None:
    """Raise DiskFull if less than [storage] min_free_gb is free on the disk of the state folder."""
    wanted = context.config.storage.min_free_gb
    free = shutil.disk_usage(context.config.state).free / 1e9
    if free < wanted:
        raise DiskFull(
            f"{context.config.state}: {free:.2f} GB free, [storage] min_free_gb = {wanted}; "
            f"free some space, then the daemon continues by itself"
        )


def delete_old_checkpoints(context: Context) -> None:
    """Delete checkpoints that nothing needs, small masks of old trainings and prior maps that have
    a newer one; results, histories and scores stay. May be called twice."""
    _delete_old_priors(context.config.state / "runs")
    runs = sorted((context.config.state / "runs").glob(f"*-{Stage.TRAIN}"))
    kept = {folder.name for folder in runs[-context.config.storage.keep_checkpoints :]}
    points = [point for point in context.store.curve() if point.validation]
    if points:
        best = max(points, key=lambda point: (point.validation and point.validation.miou) or 0.0)
        kept.add(f"{best.cycle:04d}-{Stage.TRAIN}")
    kept |= {_serving_folder(context, folder.name) for folder in runs[-2:]}
    for folder in runs[:-KEPT_PICTURES]:
        if folder.name not in kept and RunFolder(folder).finished():
            for name in ("previews", "validation"):
                shutil.rmtree(folder / name, ignore_errors=True)
    for folder in runs:
        if folder.name not in kept and RunFolder(folder).finished():
            RunFolder(folder).checkpoint.unlink(missing_ok=True)
            RunFolder(folder).student.unlink(missing_ok=True)


def _serving_folder(context: Context, folder: str) -> str:
    """The name of the TRAIN folder of the model that serves in the cycle of this folder."""
    return f"{context.store.serving_after(int(folder.partition('-')[0])):04d}-{Stage.TRAIN}"


def _delete_old_priors(runs: Path) -> None:
    newer: set[str] = set()
    for age, cycle in enumerate(predicted_cycles(runs)):
        files = {
            file.name: file for file in prior_file(predict_run(runs, cycle), 0).parent.glob("*")
        }
        for name in newer & files.keys() if age >= KEPT_PRIORS else ():
            files[name].unlink(missing_ok=True)
        newer |= files.keys()
