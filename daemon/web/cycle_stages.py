"""What the loop does now, and the stages of the current cycle with their duration. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from daemon.domain import Stage
from daemon.domain.clock import time_since
from daemon.status.model import StageTime, Status

TITLES: dict[Stage, str] = {
    Stage.EMBED: "Embed new images",
    Stage.TRAIN: "Train",
    Stage.SCORE: "Score the pool",
    Stage.SELECT: "Choose the batch",
    Stage.PREDICT: "Draw predictions",
    Stage.PUSH: "Send tasks",
    Stage.DONE: "People label",
}
NEEDS_MODEL = {Stage.TRAIN, Stage.SCORE, Stage.PREDICT}


@dataclass(frozen=True, kw_only=True)
class StageStep:
    """A stage of the current cycle. seconds: how long a daemon worked on it; None where it is not
    done or its time is unknown."""

    title: str
    state: Literal["done", "now", "next"]
    seconds: float | None


def loop_state(status: Status) -> str:
    """What the loop does, in three words at most."""
    if status.stage is None:
        return "Not started"
    if status.ended:
        return "Ended"
    if status.stage is Stage.DONE:
        return TITLES[Stage.DONE] if status.tasks.open else "Waiting"
    return TITLES[status.stage]


def stage_steps(status: Status) -> list[StageStep]:
    """The stages of the current cycle, in order; empty before the first. Cycle 0 has no model."""
    if status.cycle is None or status.stage is None:
        return []
    stages = [stage for stage in TITLES if status.cycle > 0 or stage not in NEEDS_MODEL]
    times = {time.stage: time for time in status.stages if time.cycle == status.cycle}
    current = stages.index(status.stage) if status.stage in stages else len(stages)
    return [
        StageStep(
            title=TITLES[stage],
            state="now" if position == current else "done" if position < current else "next",
            seconds=_seconds(times.get(stage)) if position < current else None,
        )
        for position, stage in enumerate(stages)
    ]


def _seconds(time: StageTime | None) -> float | None:
    """What a daemon spent on a stage. Stores of earlier releases know only when it began and ended;
    None where the clock was set back in between."""
    if time is None or not time.finished_at:
        return None
    if time.seconds is not None:
        return time.seconds
    began, ended = map(datetime.fromisoformat, (time.started_at, time.finished_at))
    took = time_since(began, ended)
    return None if took is None else took.total_seconds()
