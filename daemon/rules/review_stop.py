"""When second looks at labels stop, since they find too little. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.domain.formatting import count
from daemon.domain.reviews import ReviewState

STOP_AFTER = 20  # answered reviews ...
STOP_BELOW = 0.2  # ... of which fewer than this share were corrected


def is_not_worth_it(newest: Sequence[ReviewState]) -> bool:
    """Whether reviews stop. newest: outcomes, the newest first."""
    last = newest[:STOP_AFTER]
    return len(last) == STOP_AFTER and _corrected(last) < STOP_BELOW * STOP_AFTER


def stop_rule(newest: Sequence[ReviewState]) -> str:
    """The rule as a sentence, and where it stands. newest: as above."""
    last = newest[:STOP_AFTER]
    rule = (
        "Second looks stop by themselves once fewer than "
        f"{STOP_BELOW:.0%} of the last {STOP_AFTER} corrected their label as proposed"
    )
    if len(last) < STOP_AFTER:
        return f"{rule}; {count(len(last), 'label')} had one so far."
    return f"{rule}; of the last {STOP_AFTER}, {_corrected(last)} did."


def _corrected(outcomes: Sequence[ReviewState]) -> int:
    return sum(outcome is ReviewState.CORRECTED for outcome in outcomes)
