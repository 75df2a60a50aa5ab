"""Which share of a reference's figure another way reaches. Pure.

A pair is two runs with the same seed. The share is the ratio of the geometric means: the mean of
the logarithms of the ratios of the pairs, whose interval is Student's t, taken back. Ratios are
never averaged themselves: a half and a double would not cancel out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.insight.paired_difference import Interval, mean_estimate


@dataclass(frozen=True, kw_only=True)
class ReachedShare:
    """share: 1 where both are equal. interval: 95 %; None with one pair."""

    share: float
    pairs: int
    interval: Interval | None


def reached_share(figures: Sequence[float], reference: Sequence[float]) -> ReachedShare | None:
    """The share; index i of both is one pair. None without a pair, and where a figure is 0.

    Raises ValueError if the numbers of figures differ.
    """
    pairs = list(zip(figures, reference, strict=True))
    if not pairs or min(map(min, pairs)) <= 0:
        return None
    found = mean_estimate([math.log(figure / other) for figure, other in pairs])
    ends = found.interval and (math.exp(found.interval[0]), math.exp(found.interval[1]))
    return ReachedShare(share=math.exp(found.mean), pairs=found.n, interval=ends)
