"""Reads what each model did on the groups of validation images, from the results of its run."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from daemon.domain.errors import RunFailed
from daemon.insight.curve_groups import GroupPixels
from daemon.runs.run_folder import RunFolder, TrainResult
from daemon.status.snapshot_trainings import training_run


def group_pixels(state: Path, cycle: int) -> GroupPixels:
    """Group -> pixels of its images; {} where the run is gone or keeps no images by themselves."""
    run = training_run(state, cycle)
    try:
        found = run.result_file.stat()
    except OSError:
        return {}
    return _group_pixels(run, (found.st_mtime_ns, found.st_size))


def newest_groups(state: Path, cycles: Iterable[int]) -> GroupPixels:
    """The groups of the newest of these models whose images are known; {} without any."""
    for cycle in sorted(cycles, reverse=True):
        if found := group_pixels(state, cycle):
            return found
    return {}


@lru_cache(maxsize=256)  # 200 images of 10 classes take 48 KB
def _group_pixels(run: RunFolder, _: tuple[int, int]) -> GroupPixels:
    """The second argument changes with the file, so that a new one is read again."""
    try:
        evaluation = run.read_result(TrainResult).validation
    except RunFailed:
        return {}
    groups: dict[str, list[tuple[tuple[int, int, int], ...]]] = {}
    for image in evaluation.by_image if evaluation else ():
        groups.setdefault(image.group, []).append(image.pixels)
    return {name: np.array(rows, np.int64) for name, rows in groups.items()}
