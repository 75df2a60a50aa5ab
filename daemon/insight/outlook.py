"""What the forecast of the curve means for a lead: labels and dates, and whether to go on. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from daemon.domain.formatting import ABSENT, count, fraction, signed
from daemon.insight.curve import Line, ServingModel
from daemon.insight.forecast import Forecast, MeasuredPoint, Range, forecast
from daemon.insight.stop_advice import StopAdvice, stop_advice
from daemon.insight.view_model import Count, Share, ViewModel

SEED = 0  # of the drawn curves: the same points have the same forecast at each look
AHEAD = 2.0  # times the newest labels: how far the band is drawn
FARTHEST = 10  # times the newest labels, up to which labels to reach a figure are looked for
BAND_POINTS = 24
TARGET_STEP = 0.05  # mIoU: targets are the next two multiples
LEAST_DAYS = 1.0  # of labeling, for a pace
LAST_CYCLES = 5  # at the most, that the present pace is taken from


class Foretold(ViewModel):
    """What a model of so many labels will be measured to have, with its 80 % interval."""

    labels: Count
    """Labels, validation included."""
    low: Share
    """Lower end of the 80 % interval."""
    middle: Share
    """Median."""
    high: Share
    """Upper end of the 80 % interval."""


class FamilyShare(ViewModel):
    """How much a family of learning counts in the forecast."""

    family: str
    """Its name."""
    weight: Share
    """Its share of the drawn curves."""
    last_error: float
    """What it foretold for the newest point from those before, minus what was measured."""


class Gain(ViewModel):
    """What the next batch is expected to add, in mIoU, with its 80 % interval."""

    labels: Count
    """Labels of the batch."""
    low: float
    """Lower end of the 80 % interval."""
    middle: float
    """Median."""
    high: float
    """Upper end of the 80 % interval."""


class Target(ViewModel):
    """Labels to reach an mIoU; null stands for more than `most`."""

    miou: Share
    """The mIoU."""
    low: Count | None
    """Lower end of the 80 % interval."""
    middle: Count | None
    """Median."""
    high: Count | None
    """Upper end of the 80 % interval."""
    most: Count
    """Labels up to which the forecast was asked."""
    words: str
    """The same as a sentence without its full stop."""
    date_words: str
    """When that is at the present pace, or why it is not known."""


class Outlook(ViewModel):
    """Where the curve goes from here."""

    band: tuple[Foretold, ...]
    """The forecast from the newest point on; empty without one."""
    gain: Gain | None
    """What the next batch adds; null without a forecast."""
    targets: tuple[Target, ...]
    """Labels to reach the next rounded figures; empty without a forecast."""
    families: tuple[FamilyShare, ...]
    """The families that were averaged, the most fitting first."""
    labels_per_day: float | None
    """The present pace; null where it is not known."""
    pace_words: str
    """The pace as a sentence, or why it is not known."""
    advice: StopAdvice
    """Whether more labels are worth their work."""


def outlook(
    line: Line,
    newest: ServingModel | None,
    *,
    spent: int,
    batch: int,
    starts: Sequence[tuple[datetime, int]],
    now: datetime,
) -> Outlook:
    """Look ahead. line: the mIoU; refused models are no part of it. spent: labels now. batch:
    labels of the next batch. starts: when each training began, and its labels, by time."""
    points = _points(line)
    found = _forecast(points)
    pace = _pace(starts, spent, now)
    return Outlook(
        band=_band(points),
        gain=_gain(batch, _batch_gain(points, batch)),
        targets=_targets(points, newest, spent, pace, now) if found else (),
        families=_families(found),
        labels_per_day=pace,
        pace_words=_pace_words(pace),
        advice=advice(line, newest, batch),
    )


def advice(line: Line, newest: ServingModel | None, batch: int) -> StopAdvice:
    """Whether to go on, as `outlook` says it; takes a tenth of its time."""
    points = _points(line)
    gain = _batch_gain(points, batch)
    difference = newest.difference if newest else None
    return stop_advice(gain, batch, len({point.labels for point in points}), difference)


def _points(line: Line) -> tuple[MeasuredPoint, ...]:
    rows = zip(line.labels, line.values, line.low, line.high, line.refused, strict=True)
    return tuple(
        MeasuredPoint(
            labels=labels,
            value=value,
            width=None if low is None or high is None else high - low,
        )
        for labels, value, low, high, refused in rows
        if value is not None and not refused
    )


@lru_cache(maxsize=8)
def _forecast(points: tuple[MeasuredPoint, ...]) -> Forecast | None:
    return forecast(points, np.random.default_rng(SEED))


@lru_cache(maxsize=8)
def _batch_gain(points: tuple[MeasuredPoint, ...], batch: int) -> Range | None:
    found = _forecast(points)
    return None if found is None else found.gain(found.last_labels + batch)


@lru_cache(maxsize=8)
def _band(points: tuple[MeasuredPoint, ...]) -> tuple[Foretold, ...]:
    found = _forecast(points)
    if found is None:
        return ()
    grid = np.unique(np.linspace(found.last_labels, AHEAD * found.last_labels, BAND_POINTS).round())
    return tuple(_foretold(int(labels), found.measured(labels)) for labels in grid)


def _foretold(labels: int, ahead: Range) -> Foretold:
    return Foretold(labels=labels, low=ahead.low, middle=ahead.middle, high=ahead.high)


def _gain(batch: int, gain: Range | None) -> Gain | None:
    if gain is None:
        return None
    return Gain(labels=batch, low=gain.low, middle=gain.middle, high=gain.high)


def _families(found: Forecast | None) -> tuple[FamilyShare, ...]:
    if found is None:
        return ()
    return tuple(
        FamilyShare(family=fit.family, weight=fit.weight, last_error=fit.last_error)
        for fit in found.families
    )


def _targets(
    points: tuple[MeasuredPoint, ...],
    newest: ServingModel | None,
    spent: int,
    pace: float | None,
    now: datetime,
) -> tuple[Target, ...]:
    """The next two multiples of TARGET_STEP above the serving model."""
    if newest is None or newest.miou is None:
        return ()
    first = math.floor(newest.miou / TARGET_STEP + 1e-9) + 1
    mious = [round(step * TARGET_STEP, 2) for step in (first, first + 1)]
    return tuple(_target(points, miou, spent, pace, now) for miou in mious if miou < 1)


@lru_cache(maxsize=32)
def _labels_to_reach(points: tuple[MeasuredPoint, ...], miou: float, most: int) -> Range:
    found = _forecast(points)
    if found is None:
        return Range(low=math.inf, middle=math.inf, high=math.inf)
    return found.labels_to_reach(miou, most)


def _target(
    points: tuple[MeasuredPoint, ...],
    miou: float,
    spent: int,
    pace: float | None,
    now: datetime,
) -> Target:
    most = FARTHEST * max(point.labels for point in points)
    ahead = _labels_to_reach(points, miou, most)
    low, middle, high = (
        round(end) if math.isfinite(end) else None for end in (ahead.low, ahead.middle, ahead.high)
    )
    return Target(
        miou=miou,
        low=low,
        middle=middle,
        high=high,
        most=most,
        words=_labels_words(low, middle, high, most),
        date_words=_date_words(low, middle, high, spent, pace, now),
    )


def _labels_words(low: int | None, middle: int | None, high: int | None, most: int) -> str:
    if low is None:
        return f"not within {most} labels, as the forecast has it"
    ends = f"80 %: {low} to {high if high is not None else f'more than {most}'}"
    return (
        f"{f'about {middle}' if middle is not None else f'more than {most}'} labels in all ({ends})"
    )


def _date_words(
    low: int | None,
    middle: int | None,
    high: int | None,
    spent: int,
    pace: float | None,
    now: datetime,
) -> str:
    """The dates of three numbers of labels; open where a number is."""
    if pace is None or low is None:
        return ABSENT
    dates = [_date(labels, spent, pace, now) for labels in (low, middle, high)]
    first, usual, last = (date or "open" for date in dates)
    if first == last:  # as all three are
        return usual if usual == "open" else f"{usual} (80 %: the same day)"
    return f"{usual} (80 %: {first} to {last})"


def _date(labels: int | None, spent: int, pace: float, now: datetime) -> str | None:
    """The day, such as "24 Nov 2026"; None for an unknown one, or one in more than ten years."""
    days = math.inf if labels is None else max(0, labels - spent) / pace
    if days > 3650:
        return None
    return (now + timedelta(days=days)).strftime("%d %b %Y").lstrip("0")


def _pace(starts: Sequence[tuple[datetime, int]], spent: int, now: datetime) -> float | None:
    """Labels a day since the fifth newest training began; None for less than a day, or none."""
    if not starts:
        return None
    began, labels = starts[max(0, len(starts) - LAST_CYCLES)]
    days = (now - began).total_seconds() / 86_400
    return None if days < LEAST_DAYS or spent <= labels else (spent - labels) / days


def _pace_words(pace: float | None) -> str:
    if pace is None:
        return "The pace is not measured yet: it takes labels of a day or more since a training."
    return f"At the present pace: {pace:.1f} labels a day, over {LAST_CYCLES} cycles at the most."


def summary(view: Outlook, line: Line) -> str:
    """The curve in one sentence, for those who do not see the plot."""
    known = [value for value in line.values if value is not None]
    if not known:
        return "No model has been measured yet."
    cycles = count(len(known), "measured model")
    text = f"mIoU {fraction(known[0])} to {fraction(known[-1])} over {cycles}"
    if view.gain is not None:
        text += (
            f"; the next {view.gain.labels} labels are expected to add {signed(view.gain.middle)}"
        )
    return f"{text}."
