"""The burndown as points of a drawing, so that the page shows it without scripts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from daemon.insight.burndown import Burndown

WIDTH, HEIGHT = 720.0, 180.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 18.0, 26.0
MOST_AHEAD = 3.0  # times the days so far: how far the forecast is drawn
TICKS = 4  # dates below the axis


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A label of an axis and where it stands."""

    at: float
    words: str


@dataclass(frozen=True, kw_only=True)
class BurndownPlot:
    """Points as SVG takes them, "x,y x,y". ahead: the band from the fastest to the slowest pace;
    "" without a pace. today: x of today."""

    line: str
    ahead: str
    middle: str
    today: float
    dates: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    words: str


def burndown_plot(view: Burndown) -> BurndownPlot | None:
    """The drawing; None before there are labels on two days."""
    if len(view.days) < 2:
        return None
    first = date.fromisoformat(view.days[0].day)
    now = len(view.days) - 1
    until = float(_last_day(view, first, now))
    top = max(1, view.days[0].left + view.days[0].labels)

    def x(day: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(day, until) / until, 1)

    def y(left: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * max(0.0, left) / top, 1)

    def to(pace: float) -> str:
        """The end of a straight line from today at this pace."""
        left = view.budget.left
        days = min(until - now, left / pace if pace > 0 else until - now)
        return f"{x(now + days)},{y(left - pace * days)}"

    line = " ".join(f"{x(number)},{y(one.left)}" for number, one in enumerate(view.days))
    here, pace = f"{x(now)},{y(view.budget.left)}", view.pace
    return BurndownPlot(
        line=line,
        ahead=f"{here} {to(pace.high)} {x(until)},{y(0)} {to(pace.low)}" if pace else "",
        middle=f"{here} {to(pace.middle)}" if pace else "",
        today=x(now),
        dates=tuple(
            Tick(at=x(until * part / TICKS), words=_date(first, until * part / TICKS))
            for part in range(TICKS + 1)
        ),
        labels=tuple(Tick(at=y(part), words=str(round(part))) for part in (0, top / 2, top)),
        words=f"{view.budget.left} labels are left; {view.pace_words}",
    )


def _last_day(view: Burndown, first: date, now: int) -> int:
    """How far the drawing goes: to the end of the budget, as far as that is drawn."""
    ends = [view.budget.last, view.budget.usual, view.budget.first]
    days = [(date.fromisoformat(end) - first).days for end in ends if end]
    return int(max(now + 1, min(max(days, default=now + 1), MOST_AHEAD * (now + 1))))


def _date(first: date, days: float) -> str:
    return (first + timedelta(days=round(days))).strftime("%d %b").lstrip("0")
