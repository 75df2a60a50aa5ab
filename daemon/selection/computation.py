"""One choice from the run folders: the same in a tick and in a run of its own."""

from __future__ import annotations

import time
from importlib import metadata
from pathlib import Path

from daemon.runs.checksums import sha256_of
from daemon.runs.id_lists import IdLists
from daemon.runs.records import SelectRequest, SelectResult
from daemon.runs.run_folder import RunFolder
from daemon.selection.candidate_pool import read_pool
from daemon.selection.choice import choose

PACKAGES = ("maskloop", "numpy", "scikit-learn")


def computed(request: SelectRequest, lists: IdLists, runs: Path) -> SelectResult:
    """Choose, and say from which files. runs: the folder of all runs.

    Raises RunFailed where the files lack an image, and what the choice raises.
    """
    started_s = time.monotonic()
    picks = choose(request, read_pool(request, lists, runs), lists.distinct)
    return SelectResult(
        picks=tuple(picks),
        files={name: sha256_of(runs / name) for name in files_of(request)},
        versions={name: metadata.version(name) for name in PACKAGES},
        seconds=time.monotonic() - started_s,
    )


def files_of(request: SelectRequest) -> list[str]:
    """The files that a choice is computed from, below the folder of all runs."""
    names = [*([request.scores] if request.scores else []), *request.embedded]
    return [f"{name}/{RunFolder(Path(name)).scores_file.name}" for name in names]
