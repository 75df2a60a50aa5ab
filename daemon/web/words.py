"""How numbers, times and stages read on the page. Pure; nothing is rounded to look better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from daemon.domain import Stage
from daemon.moments import time_since

ABSENT = "\N{EN DASH}"  # not measured

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


def fraction(value: float | None) -> str:
    """A number in [0, 1] with three decimals; a dash for what was not measured."""
    return ABSENT if value is None else f"{value:.3f}"


def percent(share: float | None) -> str:
    """A share in [0, 1] as a percentage with one decimal; a dash for what was not measured."""
    return ABSENT if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def interval(ends: Sequence[float] | None) -> str:
    """Both ends of an interval; a dash where there is none."""
    return ABSENT if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def count(number: int, noun: str) -> str:
    """A number of things: "1 mask", "2 masks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def signed(value: float) -> str:
    """A difference with its sign; what rounds to nothing has none."""
    said = f"{value:+.3f}"
    return said[1:] if float(said) == 0 else said.replace("-", "\N{MINUS SIGN}")


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: "42 s", "3 min 20 s", "2 h 5 min"."""
    if seconds is None:
        return ABSENT
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment(stamp: str | None) -> str:
    """A stored time, in UTC: "22 Nov 13:40 UTC"; page.js turns it into "5 min ago"."""
    if not stamp:
        return ABSENT
    return datetime.fromisoformat(stamp).astimezone(UTC).strftime("%d %b %H:%M UTC").lstrip("0")


def headline(status: Mapping[str, Any]) -> str:
    """What goes on, in three words."""
    if status["cycle"] is None:
        return "Not started"
    if status["stage"] == Stage.DONE:
        return "People label" if _open_tasks(status) else "Waiting"
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
    if row is None or not row["finished_at"]:
        return None
    began, ended = (datetime.fromisoformat(row[end]) for end in ("started_at", "finished_at"))
    took = time_since(began, ended)  # None where the clock was set back in between
    return None if took is None else took.total_seconds()


def _open_tasks(status: Mapping[str, Any]) -> int:
    return status["batch"]["open"] if status["batch"] else 0
