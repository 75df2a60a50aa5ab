"""The burndown as points of a drawing, so that the page shows it without scripts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from daemon.insight.burndown import Burndown

WIDE_PX, NARROW_PX = (720, 180), (330, 170)  # of the drawing: on a desk, on a phone
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 18.0, 26.0
MOST_AHEAD = 3.0  # times the days so far: how far the forecast is drawn
TICK_PX = 165  # between dates below the axis


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A label of an axis and where it stands."""

    at: float
    words: str


@dataclass(frozen=True, kw_only=True)
class BurndownPlot:
    """Points as SVG takes them, "x,y x,y". width, height: of the drawing, px. ahead: the band from the fastest to the slowest pace;
    "" without a pace. today: x of today."""

    width: int
    height: int
    line: str
    ahead: str
    middle: str
    today: float
    dates: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    words: str


def burndown_plots(view: Burndown) -> tuple[BurndownPlot, ...]:
    """The drawing, for a desk and for a phone; () before there are labels on two days."""
    if len(view.days) < 2:
        return ()
    return burndown_plot(view, *WIDE_PX), burndown_plot(view, *NARROW_PX)


def burndown_plot(view: Burndown, width: int, height: int) -> BurndownPlot:
    """The drawing at this size, px, of labels on two or more days."""
    first = date.fromisoformat(view.days[0].day)
    now = len(view.days) - 1
    until = float(_last_day(view, first, now))
    top = max(1, view.days[0].left + view.days[0].labels)

    def x(day: float) -> float:
        return round(LEFT + (width - LEFT - RIGHT) * min(day, until) / until, 1)

    def y(left: float) -> float:
        return round(height - BOTTOM - (height - TOP - BOTTOM) * max(0.0, left) / top, 1)

    def to(pace: float) -> str:
        """The end of a straight line from today at this pace."""
        left = view.budget.left
        days = min(until - now, left / pace if pace > 0 else until - now)
        return f"{x(now + days)},{y(left - pace * days)}"

    line = " ".join(f"{x(number)},{y(one.left)}" for number, one in enumerate(view.days))
    here, pace = f"{x(now)},{y(view.budget.left)}", view.pace
    ticks = max(1, round(width / TICK_PX))
    return BurndownPlot(
        width=width,
        height=height,
        line=line,
        ahead=f"{here} {to(pace.high)} {x(until)},{y(0)} {to(pace.low)}" if pace else "",
        middle=f"{here} {to(pace.middle)}" if pace else "",
        today=x(now),
        dates=tuple(
            Tick(at=x(until * part / ticks), words=_date(first, until * part / ticks))
            for part in range(ticks + 1)
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
