"""How long people usually wait for the next batch, unless the queue holds images for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from daemon.domain import Stage, StageTime
from daemon.stages.context import Context

CYCLES = 3  # the newest ones, since trainings get longer; several, since one may span a night
STEPS_MIN = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1440)


def usual_pause_min(context: Context) -> int | None:
    """Minutes from the last answer of a batch to the next batch; None before the first training."""
    return pause_min(context.store.stage_times())


def pause_min(stages: Sequence[StageTime]) -> int | None:
    """The median in minutes over the last cycles with a training; None without any. Pure.

    It is rounded up to one of `STEPS_MIN`, so that it rarely changes.
    """
    by_cycle: dict[int, dict[Stage, StageTime]] = {}
    for time in stages:
        by_cycle.setdefault(time.cycle, {})[time.stage] = time
    pauses = [
        sum(map(_seconds, times.values()))
        for cycle, times in sorted(by_cycle.items())
        if cycle > 0 and _is_pushed(times)
    ]
    if not pauses:
        return None
    minutes = median(pauses[-CYCLES:]) / 60
    return next((step for step in STEPS_MIN if step >= minutes), STEPS_MIN[-1])


def _is_pushed(times: Mapping[Stage, StageTime]) -> bool:
    return Stage.PUSH in times and all(time.finished_at for time in times.values())


def _seconds(time: StageTime) -> float:
    ended = time.finished_at or time.started_at
    return max(0.0, (ended - time.started_at).total_seconds())
