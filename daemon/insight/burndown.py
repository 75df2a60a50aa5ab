"""How the label budget is used up over the days, and when it is spent at the present pace. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
from scipy.special import stdtrit

from daemon.domain.formatting import count
from daemon.insight.view_model import Count, ViewModel

PACE_DAYS = 14  # whole days that the present pace is taken from, at the most
LEAST_DAYS = 3  # whole days since the first label, for a pace
NOT_ENOUGH = "not enough to say"
FARTHEST_DAYS = 3650


class BurndownDay(ViewModel):
    """The labels of one day."""

    day: str
    """The day, ISO 8601."""
    labels: Count
    """Images that were labeled first on this day."""
    left: Count
    """Images of the budget that are left at its end."""


class Pace(ViewModel):
    """Labels a day, over the last whole days; the ends are those of an 80 % t-interval."""

    low: float
    """Lower end, never below 0."""
    middle: float
    """Mean."""
    high: float
    """Upper end."""
    days: Count
    """How many days it is the mean of."""


class Finish(ViewModel):
    """When something will be done at the present pace; null ends are open or not known."""

    left: Count
    """Labels until then."""
    first: str | None
    """Day at the upper end of the pace, ISO 8601."""
    usual: str | None
    """Day at the mean pace."""
    last: str | None
    """Day at the lower end of the pace."""
    words: str
    """The same as part of a sentence."""


class Burndown(ViewModel):
    """The budget over the days."""

    days: tuple[BurndownDay, ...]
    """Every day since the first label, with those on which nobody labeled."""
    pace: Pace | None
    """The present pace; null where there is not enough to say."""
    pace_words: str
    """The same as a sentence."""
    batch: Finish
    """When the open tasks will be labeled."""
    budget: Finish
    """When the budget will be spent."""


def burndown(
    by_day: Mapping[date, int], *, budget: int, spent: int, open_tasks: int, today: date
) -> Burndown:
    """by_day: day -> images that were labeled first on it. spent: labels now. open_tasks: images
    that wait for annotators."""
    pace = _pace(by_day, today)
    return Burndown(
        days=_days(by_day, budget, today),
        pace=pace,
        pace_words=_pace_words(pace, by_day, today),
        batch=_finish(open_tasks, pace, today),
        budget=_finish(max(0, budget - spent), pace, today),
    )


def _days(by_day: Mapping[date, int], budget: int, today: date) -> tuple[BurndownDay, ...]:
    if not by_day:
        return ()
    first, last = min(by_day), max(today, *by_day)
    found, labels = [], 0
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        labels += by_day.get(day, 0)
        left = max(0, budget - labels)
        found.append(BurndownDay(day=day.isoformat(), labels=by_day.get(day, 0), left=left))
    return tuple(found)


def _pace(by_day: Mapping[date, int], today: date) -> Pace | None:
    days = _whole_days(by_day, today)
    if days < LEAST_DAYS:
        return None
    labels = [by_day.get(today - timedelta(days=back), 0) for back in range(1, days + 1)]
    mean, spread = float(np.mean(labels)), float(np.std(labels, ddof=1))
    if mean == 0:
        return None
    half = float(stdtrit(days - 1, 0.9)) * spread / math.sqrt(days)
    return Pace(low=max(0.0, mean - half), middle=mean, high=mean + half, days=days)


def _whole_days(by_day: Mapping[date, int], today: date) -> int:
    """Whole days before today since the first label, at most PACE_DAYS."""
    return min(PACE_DAYS, max(0, (today - min(by_day)).days)) if by_day else 0


def _pace_words(pace: Pace | None, by_day: Mapping[date, int], today: date) -> str:
    if pace is not None:
        return (
            f"{pace.middle:.1f} labels a day (80 %: {pace.low:.1f} to {pace.high:.1f}), mean of "
            f"the last {count(pace.days, 'day')}"
        )
    days = _whole_days(by_day, today)
    if days >= LEAST_DAYS:
        return f"{NOT_ENOUGH}: nobody labeled in the last {count(days, 'day')}"
    return f"{NOT_ENOUGH}: a pace takes {LEAST_DAYS} whole days of labeling, there are {days}"


def _finish(left: int, pace: Pace | None, today: date) -> Finish:
    paces = (pace.high, pace.middle, pace.low) if pace else (0.0, 0.0, 0.0)
    first, usual, last = (_day(left, each, today) for each in paces)
    if left == 0:
        words = "done"
    elif pace is None:
        words = NOT_ENOUGH
    elif usual is None:
        words = "not within ten years"
    elif left <= pace.low:
        words = "within a day"
    else:
        words = f"about {_words(usual)} (80 %: {_words(first)} to {_words(last)})"
    return Finish(
        left=left,
        first=_iso(first),
        usual=_iso(usual),
        last=_iso(last),
        words=words,
    )


def _day(left: int, pace: float, today: date) -> date | None:
    days = left / pace if pace > 0 else math.inf
    return today + timedelta(days=math.ceil(days)) if days <= FARTHEST_DAYS else None


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _words(day: date | None) -> str:
    """ "3 Dec 2026"; "open" for none."""
    return "open" if day is None else day.strftime("%d %b %Y").lstrip("0")
