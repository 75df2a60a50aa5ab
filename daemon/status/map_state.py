"""Reads how far the map of the images is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from daemon.config.loading import Config
from daemon.runs.map_files import MapResult, map_runs, newest_map
from daemon.status.map_points import classes_of, newest_scores
from daemon.store import Store
from daemon.store.map_faults import read_map_fault


@dataclass(frozen=True, kw_only=True)
class MapState:
    """The newest map, "" and 0 before any, and the run that works on the next one.

    scores: name of the run whose scores are the colours, "" before any. classes: that they know.
    audited: when the newest audit of labels ended, "" before the first.
    drawing: what the process does now, "" where none works. fault: why the last attempt failed.
    """

    run: str = ""
    images: int = 0
    fitted: int = 0
    method: Literal["umap", "pca", ""] = ""
    grouped: bool = False
    scores: str = ""
    classes: tuple[str, ...] = ()
    audited: str = ""
    drawing: str = ""
    fault: str = ""


def read_map_state(config: Config, store: Store) -> MapState:
    """How far the map is; cheap, whatever the number of images. Raises RunFailed."""
    runs = config.state / "runs"
    newest, fault = newest_map(runs), read_map_fault(store)
    drawn = newest.read_result(MapResult) if newest else None
    scores = newest_scores(runs)
    return MapState(
        run=newest.path.name if newest else "",
        images=drawn.images if drawn else 0,
        fitted=drawn.fitted if drawn else 0,
        method=drawn.method if drawn else "",
        grouped=drawn.grouped if drawn else False,
        scores=scores[0] if scores else "",
        classes=classes_of(config, scores[1]) if scores else (),
        audited=store.newest_audit(),
        drawing=_drawing(config),
        fault=fault.words if fault else "",
    )


def _drawing(config: Config) -> str:
    for run in reversed(map_runs(config.state / "runs")):
        if not run.finished() and run.holder() is not None:
            progress = run.read_progress()
            if progress is None:
                return "the process starts"
            return f"{progress.phase}: {progress.step} of {progress.steps} images"
    return ""
