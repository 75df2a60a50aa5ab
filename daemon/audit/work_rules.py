"""Oddities of how labels were made, which need no model: in haste, or one class over another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from daemon.audit.label_rules import Oddity
from daemon.domain.label_findings import LabelWork

HASTY_SHARE = 0.02  # of the labels: those that took least time
MIN_TIMED = 50  # labels whose time is known, for such a share to mean anything
OVERLAP_PX = 20  # drawn by two classes; fewer are the border between two neighbours
HASTY_SCORE = 0.05  # people press Submit on a good prediction too
OVERLAP_SCORE = 0.05


def hasty_below_s(lead_times_s: Sequence[float | None]) -> float:
    """Seconds that nearly every label takes at least; 0 where too few times are known."""
    known = [one for one in lead_times_s if one is not None]
    return float(np.quantile(known, HASTY_SHARE)) if len(known) >= MIN_TIMED else 0.0


def odd_work(work: LabelWork, limit_s: float) -> Iterator[Oddity]:
    """What is odd about how a label was made. limit_s: see `hasty_below_s`."""
    hasty = work.lead_time_s is not None and work.lead_time_s < limit_s
    if hasty and work.corrected is False:
        words = (
            f"The prediction was submitted unchanged after {work.lead_time_s:.1f} s; "
            f"{1 - HASTY_SHARE:.0%} of the labels took at least {limit_s:.1f} s."
        )
        yield Oddity(words, HASTY_SCORE)
    if work.overlap_px > OVERLAP_PX:
        words = f"{work.overlap_px} pixels were drawn by two classes; the region on top has them."
        yield Oddity(words, OVERLAP_SCORE)
