"""How times and stages read on the page; numbers: daemon/domain/formatting.py. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from daemon.domain import Stage
from daemon.domain.clock import time_since
from daemon.domain.formatting import ABSENT as ABSENT
from daemon.domain.formatting import count as count
from daemon.domain.formatting import duration as duration
from daemon.domain.formatting import fraction as fraction
from daemon.domain.formatting import interval as interval
from daemon.domain.formatting import moment as moment
from daemon.domain.formatting import signed as signed

STEPS: dict[str, str] = {
    Stage.EMBED: "Look at new images",
    Stage.TRAIN: "Train",
    Stage.SCORE: "Score the pool",
    Stage.SELECT: "Choose the batch",
    Stage.PREDICT: "Draw predictions",
    Stage.PUSH: "Send tasks",
    Stage.DONE: "People label",
}
NEEDS_MODEL = {Stage.TRAIN, Stage.SCORE, Stage.PREDICT}


def percent(share: float | None) -> str:
    """A share in [0, 1] as a percentage with one decimal; a dash for what was not measured."""
    return ABSENT if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def headline(status: Mapping[str, Any]) -> str:
    """What goes on, in three words."""
    if status["cycle"] is None:
        return "Not started"
    if status["ended"]:
        return "Ended"
    if status["stage"] == Stage.DONE:
        return "People label" if status["tasks"]["open"] else "Waiting"
    stage: str = status["stage"]
    return STEPS.get(stage, stage)


def steps(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stages of the current cycle: title, state ("done", "now" or "next"), seconds."""
    if status["cycle"] is None:
        return []
    stages = [stage for stage in Stage if status["cycle"] > 0 or stage not in NEEDS_MODEL]
    now = stages.index(status["stage"]) if status["stage"] in stages else len(stages)
    rows = {row["stage"]: row for row in status["stages"] if row["cycle"] == status["cycle"]}
    return [
        {
            "title": STEPS[stage],
            "state": "now" if place == now else "done" if place < now else "next",
            "seconds": _seconds(rows.get(stage)) if place < now else None,
        }
        for place, stage in enumerate(stages)
    ]


def _seconds(row: Mapping[str, Any] | None) -> float | None:
    """What a daemon spent on it. Stores of earlier releases know only when it began and ended."""
    if row is None or not row["finished_at"]:
        return None
    if row.get("seconds") is not None:
        return float(row["seconds"])
    began, ended = (datetime.fromisoformat(row[end]) for end in ("started_at", "finished_at"))
    took = time_since(began, ended)  # None where the clock was set back in between
    return None if took is None else took.total_seconds()
