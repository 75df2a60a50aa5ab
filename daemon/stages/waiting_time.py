"""How long people usually wait for the next batch, when nothing is asked ahead of a training."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from daemon.domain import Stage
from daemon.stages.context import Context
from daemon.store.base import Row

CYCLES = 3  # of the last ones: trainings grow with the labels, and one pause may have been a night
STEPS_MIN = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1440)


def usual_pause_min(context: Context) -> int | None:
    """Minutes from the last answer of a batch to the next batch; None before the first training."""
    return pause_min(context.store.stage_times())


def pause_min(stages: Sequence[Row]) -> int | None:
    """The median over the last cycles with a training, rounded up to a step that people say, so
    that it rarely changes. stages: of the store, with `started_at` and `finished_at`. Pure."""
    by_cycle: dict[int, dict[str, Row]] = {}
    for row in stages:
        by_cycle.setdefault(row["cycle"], {})[row["stage"]] = row
    times = [
        sum(map(_seconds, rows.values()))
        for cycle, rows in sorted(by_cycle.items())
        if cycle > 0 and _is_asked(rows)
    ]
    if not times:
        return None
    minutes = median(times[-CYCLES:]) / 60
    return next((step for step in STEPS_MIN if step >= minutes), STEPS_MIN[-1])


def _is_asked(rows: dict[str, Row]) -> bool:
    return Stage.PUSH in rows and all(row["finished_at"] for row in rows.values())


def _seconds(row: Row) -> float:
    began, ended = (datetime.fromisoformat(row[end]) for end in ("started_at", "finished_at"))
    return max(0.0, (ended - began).total_seconds())
