"""The map of the images is drawn in a run of its own, beside the loop and never in its way.

A run is due when images have an embedding that are not on the map. It starts only while no other
run works, and then goes on at the lowest priority. Points that are on the map stay where they are;
everything is fitted anew only where the encoder has changed, where there were too few images for
UMAP, or where somebody asked for it (`maskloop ask draw_map`). Scores are the colours of the
points: new ones need no run. A run that fails is said once, and tried again after a pause.
"""

from __future__ import annotations

import logging
import shutil
from datetime import datetime, timedelta

from daemon.domain.clock import is_due
from daemon.domain.errors import MaskloopError, RunFailed
from daemon.runs.map_files import (
    MAP,
    MapRequest,
    MapResult,
    has_fit,
    map_runs,
    newest_map,
    next_map_run,
)
from daemon.runs.run_folder import RunFolder
from daemon.stages.context import Context
from daemon.store import Store
from daemon.store.map_faults import count_map_fault, forget_map_fault, read_map_fault

log = logging.getLogger(__name__)

_ANEW = "map_anew"  # name of a stored fact: somebody asked for a new fit
_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(days=1)  # doubled with each failure


def draw_map(context: Context, *, busy: bool) -> None:
    """Start the run that is due, or look after the one that works. Never waits.

    busy: whether another run works now. A failure is recorded and logged, not raised.
    """
    try:
        _advance(context, busy=busy)
    except (MaskloopError, OSError) as exc:
        _record_failure(context, str(exc))


def ask_for_new_map(store: Store) -> None:
    """Fit all images anew with the next run; the present map stays until that is done."""
    store.keep_fact(_ANEW, "asked")
    forget_map_fault(store)  # tried without a pause


def _advance(context: Context, *, busy: bool) -> None:
    run = next(reversed(map_runs(context.config.state / "runs")), None)
    works = run is not None and run.holder() is not None
    if _pauses(context) and not works:
        return
    if run is not None and (run.finished() or not _is_wanted(context, run)):
        if not _is_over(context, run):
            return  # its process has not ended yet
        run = None
    if busy and not works:
        return
    run = run or _request(context)
    if run is not None:
        context.launcher.advance(run, MAP)


def _is_wanted(context: Context, run: RunFolder) -> bool:
    """Whether an unfinished run draws what there is to draw now."""
    try:
        return run.read_request(MapRequest).embedded == _embedded(context)
    except RunFailed:  # a crash left no request, or an earlier release another one
        return False


def _is_over(context: Context, run: RunFolder) -> bool:
    """Whether the process of a run has ended that is finished, or is not wanted any more. Removes
    what a finished one replaces, and the other one itself."""
    if not run.finished():
        released = context.launcher.release(run)
        if released:
            shutil.rmtree(run.path)
        return released
    ended = context.launcher.advance(run, MAP)
    if ended:
        _end(context, run)
    return ended


def _request(context: Context) -> RunFolder | None:
    """A new run; None where every embedded image is on the map."""
    embedded, cycle = _embedded(context), context.store.last_cycle()
    before = newest_map(context.config.state / "runs")
    drawn = before.read_result(MapResult) if before else None
    anew = bool(context.store.fact(_ANEW))
    if cycle is None or not embedded or (drawn and drawn.embedded == embedded and not anew):
        return None
    stays = before and drawn and not anew and _may_stay(before, drawn, embedded)
    run = next_map_run(context.config.state / "runs", cycle.number)
    run.write_request(
        MapRequest(
            embedded=embedded,
            before=before.path.name if before and stays else None,
            seed=context.config.selection.seed,
            similarity=context.config.selection.duplicate_similarity,
        )
    )
    context.store.keep_fact(_ANEW, "")
    return run


def _may_stay(before: RunFolder, drawn: MapResult, embedded: tuple[str, ...]) -> bool:
    """Whether new images can be placed among the points of a map: its encoder is the same, and it
    was fitted."""
    fitted = drawn.method == "umap" and has_fit(RunFolder(before.path.with_name(drawn.fit)))
    return fitted and set(drawn.embedded) <= set(embedded)


def _embedded(context: Context) -> tuple[str, ...]:
    return tuple(run.path.name for run in context.embedding_runs())


def _pauses(context: Context) -> bool:
    """Whether the pause after a failure lasts."""
    fault = read_map_fault(context.store)
    if fault is None:
        return False
    pause = min(_PAUSE * 2 ** min(fault.failures - 1, 12), _LONGEST_PAUSE)
    return not is_due(datetime.fromisoformat(fault.at), pause, context.now())


def _record_failure(context: Context, words: str) -> None:
    message, now = f"the map of the images could not be drawn: {words}", context.now()
    with context.store.atomic():
        if count_map_fault(context.store, words, now):
            log.warning("%s", message)
            context.store.add_event("warning", message, now)


def _end(context: Context, run: RunFolder) -> None:
    """Forget the failures, and remove the map runs that nothing needs any more."""
    forget_map_fault(context.store)
    needed = (run.path.name, run.read_result(MapResult).fit)
    for old in map_runs(context.config.state / "runs"):
        if old.path.name not in needed:
            log.debug("map run removed run=%s", old.path.name)
            shutil.rmtree(old.path)
