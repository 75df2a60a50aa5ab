"""Which checkpoints stay on disk: the best, the newest, and the one that serves."""

from __future__ import annotations

import shutil

from daemon.domain import Stage
from daemon.domain.errors import DiskFull
from daemon.runs.folder import RunFolder
from daemon.stages.context import Context


def require_space(context: Context) -> None:
    """Raise DiskFull where less is free than [storage] min_free_gb."""
    wanted = context.config.storage.min_free_gb
    free = shutil.disk_usage(context.config.state).free / 1e9
    if free < wanted:
        raise DiskFull(
            f"{context.config.state}: {free:.2f} GB free, [storage] min_free_gb = {wanted}; "
            f"free some space, the daemon goes on by itself"
        )


def delete_old_checkpoints(context: Context) -> None:
    """Delete checkpoints that nothing needs; results and scores stay. Calling it twice is safe."""
    runs = sorted((context.config.state / "runs").glob(f"*-{Stage.TRAIN}"))
    kept = {folder.name for folder in runs[-context.config.storage.keep_checkpoints :]}
    points = [point for point in context.store.curve() if point.validation]
    if points:
        best = max(points, key=lambda point: (point.validation and point.validation.miou) or 0.0)
        kept.add(f"{best.cycle:04d}-{Stage.TRAIN}")
    kept |= {_serving(context, folder.name) for folder in runs[-2:]}
    for folder in runs:
        if folder.name not in kept and RunFolder(folder).finished():
            RunFolder(folder).checkpoint.unlink(missing_ok=True)


def _serving(context: Context, run: str) -> str:
    """The run folder of the model that serves in the cycle of a run folder."""
    return f"{context.store.serving(int(run.partition('-')[0])):04d}-{Stage.TRAIN}"
