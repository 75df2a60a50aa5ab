"""The picks of one choice: computed in the tick from a small pool, in a run from a large one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any

from daemon.domain import Pick, Stage
from daemon.runs.id_lists import IdLists, read_id_lists, write_id_lists
from daemon.runs.receipts import receipt_of, write_receipt
from daemon.runs.records import SelectRequest, SelectResult
from daemon.runs.run_folder import RunFolder
from daemon.selection.computation import computed, files_of
from daemon.stages.context import Context
from daemon.stages.run_settings import write_request

MAX_IN_TICK = 3e9  # multiplications, as for comparing the pool (near_duplicates.py)
MAX_BYTES_IN_TICK = 64e6  # of the files that a tick reads


def choice_runs(context: Context, run: RunFolder) -> bool:
    """Whether the run of a choice is unfinished; then who asked for it waits."""
    return run.request_file.exists() and not context.launcher.advance(run, "select")


def picks_of_run(run: RunFolder, lists: IdLists, n: int) -> list[Pick]:
    """The picks of a choice that has a result, and its receipt; those that were labeled or asked
    meanwhile are left out. n: how many may be asked at once.

    Where none remains the run is removed, so that the next call chooses anew.
    """
    request, result = run.read_request(SelectRequest), run.read_result(SelectResult)
    free = set(lists.candidates.tolist())
    picks = [pick for pick in result.picks if pick.image_id in free]
    if not picks:
        shutil.rmtree(run.path)
        return []
    left_out = tuple(pick.image_id for pick in result.picks if pick.image_id not in free)
    config: Mapping[str, Any] = json.loads(run.settings_file.read_bytes())
    chosen_from = read_id_lists(run.path)
    write_receipt(run.path, receipt_of(request, chosen_from, result, config, left_out, n))
    return picks


def choose_or_start_run(
    context: Context, run: RunFolder, request: SelectRequest, lists: IdLists
) -> bool:
    """Choose from a small pool, or start a run that does; whether the run folder has the result."""
    if _is_large(context, request, lists):
        _write_request(context, run, request, lists)
        return context.launcher.advance(run, "select")
    result = computed(request, lists, run.path.parent)
    _write_request(context, run, request, lists)
    run.write_result(result)
    return True


def _write_request(
    context: Context, run: RunFolder, request: SelectRequest, lists: IdLists
) -> None:
    write_id_lists(run.path, lists)
    write_request(context, run, Stage.SELECT, request)


def numbers_each(context: Context) -> float:
    """About how many numbers an embedding has, by the size of a file of them."""
    runs = context.embedding_runs()
    if not runs:
        return 0.0
    run = runs[-1]
    return run.scores_file.stat().st_size / 4 / max(1, len(run.read_ids()))


def _is_large(context: Context, request: SelectRequest, lists: IdLists) -> bool:
    """Whether choosing takes longer than a tick may."""
    images = len(lists.candidates)
    centers = len(lists.labeled) + request.n + request.reserve
    work = images * (images / 2 + centers) * numbers_each(context)
    runs = context.config.state / "runs"
    size = sum((runs / name).stat().st_size for name in files_of(request))
    return work > MAX_IN_TICK or size > MAX_BYTES_IN_TICK
