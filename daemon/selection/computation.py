"""One choice from the run folders: the same in a tick and in a run of its own."""

from __future__ import annotations

import time
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import strategies
from daemon.runs.checksums import sha256_of
from daemon.runs.id_lists import IdLists
from daemon.runs.records import ChosenRegime, SelectRequest, SelectResult
from daemon.runs.run_folder import RunFolder
from daemon.selection.candidate_pool import read_pool
from daemon.selection.choice import choose
from daemon.selection.signals import regime_of_choice

PACKAGES = ("maskloop", "numpy", "scikit-learn")


def computed(request: SelectRequest, lists: IdLists, runs: Path) -> SelectResult:
    """Choose, and say from which files. runs: the folder of all runs.

    Raises RunFailed where the files lack an image, and what the choice raises.
    """
    started_s = time.monotonic()
    pool = read_pool(request, lists, runs)
    picks = choose(request, pool, lists.distinct)
    strategy = strategies.load(request.strategy, **request.settings)
    regime = regime_of_choice(strategy, request.strategy, pool)
    return SelectResult(
        picks=tuple(picks),
        regime=ChosenRegime(**asdict(regime)) if regime else None,
        files={name: sha256_of(runs / name) for name in files_of(request)},
        versions={name: metadata.version(name) for name in PACKAGES},
        seconds=time.monotonic() - started_s,
    )


def files_of(request: SelectRequest) -> list[str]:
    """The files that a choice is computed from, below the folder of all runs."""
    names = [*([request.scores] if request.scores else []), *request.embedded]
    return [f"{name}/{RunFolder(Path(name)).scores_file.name}" for name in names]
