"""Whether more labels are worth their work, from the forecast gain of the next batch. Pure.

Never from two intervals that overlap: measured on the same images, they say nothing about each
other. A newest model that is clearly better than the one before speaks against an end.
"""

from __future__ import annotations

import enum

from daemon.domain.formatting import count, signed
from daemon.insight.forecast import MIN_POINTS, Range
from daemon.insight.model_difference import ModelDifference, ModelVerdict
from daemon.insight.view_model import ViewModel

SMALLEST_GAIN = 0.005  # mIoU of a batch; less is not worth the work of people


class Advice(enum.StrEnum):
    """Whether to go on."""

    NOT_MEASURED = "not_measured"
    GO_ON = "go_on"
    UNCLEAR = "unclear"
    MAY_STOP = "may_stop"


class StopAdvice(ViewModel):
    """Whether more labels are worth their work."""

    advice: Advice
    """For programs."""
    headline: str
    """The same in a few words."""
    reason: str
    """Why, as a sentence."""


def stop_advice(
    gain: Range | None, batch: int, measured: int, newest: ModelDifference | None
) -> StopAdvice:
    """Advise. gain: what the next batch of `batch` labels is expected to add, None without a
    forecast. measured: trained cycles on the curve. newest: the newest model against the one
    before."""
    if gain is None:
        return _not_measured(measured)
    labels = f"the next {count(batch, 'label')}"
    interval = f"80 %: {signed(gain.low)} to {signed(gain.high)}"
    expected = f"{labels} are expected to add {signed(gain.middle)} mIoU ({interval})"
    least = f"{SMALLEST_GAIN:.3f}, the least that counts here"
    if gain.low >= SMALLEST_GAIN:
        return _advice(Advice.GO_ON, "Go on", f"{expected}: more than {least}.")
    if newest is not None and newest.verdict is ModelVerdict.BETTER:
        reason = f"The newest model is {newest.words}; {expected}."
        return _advice(Advice.GO_ON, "Go on", reason)
    if gain.high < SMALLEST_GAIN:
        reason = f"{expected}: even the upper end is less than {least}."
        return _advice(Advice.MAY_STOP, "You may stop", reason)
    reason = f"{expected}; {least}, lies within that. One more batch will tell more."
    return _advice(Advice.UNCLEAR, "Not clear yet", reason)


def _advice(advice: Advice, headline: str, reason: str) -> StopAdvice:
    return StopAdvice(advice=advice, headline=headline, reason=reason[0].upper() + reason[1:])


def _not_measured(measured: int) -> StopAdvice:
    if measured < MIN_POINTS:
        reason = f"A forecast takes {count(MIN_POINTS, 'measured cycle')}; there are {measured}."
    else:
        reason = "No learning curve fits these points: the figure falls with more labels, or jumps."
    return _advice(Advice.NOT_MEASURED, "Not measured yet", reason)
