"""All runs beside the cycle, in the order in which they may start."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from daemon.stages import audit, click_runs, fold_models
from daemon.stages.context import Context

# What a run does, for messages -> starts it or looks at it, and says whether it works now.
SIDE_RUNS: Mapping[str, Callable[[Context], bool]] = {
    "training the fold models": fold_models.advance_fold_models,
    "auditing labels": audit.advance_audit,
    "training the click network": click_runs.advance_clicks,
}
