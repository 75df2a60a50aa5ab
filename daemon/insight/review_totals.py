"""How many labels got a second look, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.domain.reviews import ReviewState
from daemon.insight.view_model import Count, ViewModel


class ReviewTotals(ViewModel):
    """Second looks at labels by another person."""

    open: Count
    """Labels that wait for one now; they count meanwhile."""
    confirmed: Count
    """Labels that the reviewer left as they were."""
    corrected: Count
    """Labels that the reviewer changed as the model proposed; the new ones count."""
    other: Count
    """Labels that the reviewer changed in another way; the new ones count."""
    withdrawn: Count
    """Reviews that were taken back without an answer."""
    stopped: str
    """Why no further one is asked for, as a sentence; empty while they are, or without any."""

    @property
    def asked(self) -> int:
        """How many were asked for and not taken back."""
        return self.open + self.confirmed + self.corrected + self.other

    def line(self) -> str:
        """The same in one line, for a person; empty where there is nothing to say."""
        if not self.asked:
            return f"no label gets a second look: {self.stopped}" if self.stopped else ""
        found = [
            f"{self.open} under review",
            f"{self.confirmed} confirmed",
            f"{self.corrected} corrected",
            f"{self.other} changed otherwise",
        ]
        stopped = f"; no further ones: {self.stopped}" if self.stopped else ""
        return f"second looks at labels: {', '.join(found)}{stopped}"


def review_totals(counts: Mapping[ReviewState, int], stopped: str) -> ReviewTotals:
    """counts: reviews in each state; states without any may be left out. Pure."""
    numbers = {state.value: counts.get(state, 0) for state in ReviewState}
    return ReviewTotals(**numbers, stopped=stopped)
