"""SYNC as a tick does it, with its errors raised at once."""

from __future__ import annotations

from daemon.intake import DeferredFailures
from daemon.stages import sync
from daemon.stages.context import Context


def synchronize(context: Context) -> None:
    """Read images and answers; raises the first error after all parts were tried."""
    failures = DeferredFailures()
    sync.sync(context, failures)
    failures.raise_deferred()
