"""What a finished run must hold before anybody reports it."""

from __future__ import annotations

from daemon.domain import Evaluation
from daemon.domain.errors import RunFailed
from daemon.domain.evaluations import MIOU
from daemon.insight.missing_figures import explain


def require_figures(test: Evaluation | None) -> Evaluation:
    """The figures on the test images. Raises RunFailed where none was measured, with the reason."""
    if test is not None and test.images:
        return test
    missing = None if test is None else test.missing.get(MIOU)
    why = "the run gave no figures" if missing is None else explain(missing)
    raise RunFailed(f"the test images were not measured: {why}")
