"""Reads what the map of the images shows, from the store and the run folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.config.loading import Config
from daemon.domain import Role, Stage, Task, TaskState
from daemon.insight.map_columns import IdArray, ImageState, MapFacts
from daemon.runs.map_files import MapResult, newest_map, read_coordinates
from daemon.runs.run_folder import RunFolder, Scores
from daemon.store import Store
from daemon.store.counts import state_of

NEVER = "never asked"


def read_map_facts(config: Config, store: Store) -> MapFacts | None:
    """All images of the newest map and what is known of them; None before any map.

    Raises RunFailed for a damaged file.
    """
    run = newest_map(config.state / "runs")
    if run is None:
        return None
    points, grouped = read_coordinates(run), run.read_result(MapResult).grouped
    tasks = store.tasks()
    cycle = np.full(len(points.ids), -1)
    arm = np.zeros(len(points.ids), dtype=np.uint8)
    arms = [NEVER, *sorted({task.arm for task in tasks})][:256]
    for task in sorted(tasks, key=lambda task: task.cycle):
        place = place_of(points.ids, task.image_id)
        if place is not None and task.arm in arms:
            cycle[place], arm[place] = task.cycle, arms.index(task.arm)
    scores = newest_scores(config.state / "runs")
    classes = classes_of(config, scores[1]) if scores else ()
    return MapFacts(
        run=run.path.name,
        scores=scores[0] if scores else "",
        ids=points.ids,
        positions=points.positions,
        state=_states(store, points.ids, tasks),
        cycle=cycle,
        arm=arm,
        arms=arms,
        group=points.group if grouped else None,
        uncertainty=_by_id(points.ids, scores[1].ids, scores[1].uncertainty) if scores else None,
        class_share=(
            _by_id(points.ids, scores[1].ids, scores[1].class_share) if scores and classes else None
        ),
        classes=classes,
        suspicion=_suspicion(store, points.ids),
    )


def _suspicion(store: Store, ids: IdArray) -> npt.NDArray[np.float32] | None:
    """(N,) of the images; None before the first audit."""
    if not store.newest_audit():
        return None
    found = store.suspicions()
    known = np.fromiter(found, np.int64, len(found))
    return _by_id(ids, known, np.fromiter(found.values(), np.float32, len(found)))


def newest_scores(runs: Path) -> tuple[str, Scores] | None:
    """Name and arrays of the newest finished SCORE run; None before any."""
    folders = [RunFolder(path) for path in runs.glob(f"[0-9]*-{Stage.SCORE}")]
    finished = [run for run in folders if run.finished() and run.scores_file.exists()]
    if not finished:
        return None
    newest = max(finished, key=lambda run: int(run.path.name.partition("-")[0]))
    scores = newest.read_scores()
    return None if scores.uncertainty is None else (newest.path.name, scores)


def classes_of(config: Config, scores: Scores) -> tuple[str, ...]:
    """The names of the classes that the scores know; none where they know more than there are
    now."""
    share = scores.class_share
    known = 0 if share is None else share.shape[1]
    return tuple(config.classes.names[:known]) if known <= len(config.classes.names) else ()


def _states(store: Store, ids: IdArray, tasks: Iterable[Task]) -> npt.NDArray[np.uint8]:
    """The state of each image: (N,) of `ImageState`. Later lines go before earlier ones."""
    labeled = store.labeled_ids()
    open_ids = {task.image_id for task in tasks if state_of(task, labeled) is TaskState.OPEN}
    dropped = {task.image_id for task in tasks} - labeled - open_ids
    states = np.full(len(ids), ImageState.POOL, dtype=np.uint8)
    for state, some in (
        (ImageState.DROPPED, np.array(sorted(dropped), dtype=np.int64)),
        (ImageState.ASKED, np.array(sorted(open_ids), dtype=np.int64)),
        (ImageState.LABELED, np.array(sorted(labeled), dtype=np.int64)),
        (ImageState.VALIDATION, store.id_array(Role.VALIDATION)),
        (ImageState.EXCLUDED, store.id_array(Role.EXCLUDED)),
    ):
        states[np.isin(ids, some)] = state
    return states


def _by_id(
    ids: IdArray, known: IdArray, column: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.float32] | None:
    """The rows of a column for these ids, NaN where it has none; None without a column."""
    if column is None:
        return None
    order = np.argsort(known, kind="stable")
    place = np.searchsorted(known, ids, sorter=order)
    rows = order[np.minimum(place, len(known) - 1)] if len(known) else np.zeros(len(ids), np.intp)
    found = np.full((len(ids), *column.shape[1:]), np.nan, dtype=np.float32)
    if len(known):
        here = known[rows] == ids
        found[here] = column[rows[here]]
    return found


def place_of(ids: IdArray, image_id: int) -> int | None:
    """The row of an id among rising ids; None for another one."""
    place = int(np.searchsorted(ids, image_id))
    return place if place < len(ids) and ids[place] == image_id else None
