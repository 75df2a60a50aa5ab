"""How long people had worked when each training began. Pure: times in, sums out.

A time counts where the labeling tool measured it and it is between 0 and `LONGEST_S`; the others
are counted, not guessed.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import accumulate

from daemon.domain import AnswerTime
from daemon.domain.formatting import count
from daemon.insight.corrections import LONGEST_S
from daemon.insight.view_model import Count, ViewModel


class PeopleTime(ViewModel):
    """The work of people until a training began."""

    cycle: Count
    """The cycle of the training."""
    minutes: float | None
    """Minutes that the labeling tool measured, summed over the answers; null where it measured
    none."""
    answers: Count
    """Answers that had been given by then, several of one image included."""
    untimed: Count
    """Those of them that have no time, or one that nobody works for: they are not in `minutes`."""


def people_times(
    times: Iterable[AnswerTime], began: Mapping[int, datetime]
) -> tuple[PeopleTime, ...]:
    """Sum up the answers that came before each cycle. began: cycle -> when it began."""
    ordered = sorted(times, key=lambda one: one.at)
    moments = [one.at for one in ordered]
    seconds = [_seconds(one) for one in ordered]
    sums = list(accumulate((second or 0.0 for second in seconds), initial=0.0))
    timed = list(accumulate((second is not None for second in seconds), initial=0))
    found = []
    for cycle, moment in sorted(began.items()):
        before = bisect.bisect_right(moments, moment)
        known = timed[before]
        minutes = sums[before] / 60 if known else None
        found.append(
            PeopleTime(cycle=cycle, minutes=minutes, answers=before, untimed=before - known)
        )
    return tuple(found)


def time_words(times: Iterable[PeopleTime]) -> str:
    """What the minutes leave out, or why there are none; "" where nothing is left out."""
    newest = max(times, key=lambda one: one.cycle, default=None)
    if newest is None or not newest.answers:
        return "No answer has come yet."
    if newest.minutes is None:
        return "The labeling tool measured no time of any answer."
    if newest.untimed:
        answers = count(newest.answers, "answer")
        return f"{newest.untimed} of {answers} have no time and are not in the minutes."
    return ""


def _seconds(one: AnswerTime) -> float | None:
    known = one.seconds is not None and 0 <= one.seconds <= LONGEST_S
    return one.seconds if known else None
