"""Old predictions are deleted when no open page can need them any more.

A page that was opened before a re-rank names the prediction that it showed when it submits, and
Label Studio refuses the submit when that prediction is gone. Nobody can see which pages are open or
locked, so a version stays for `[label_studio] keep_versions_hours` after another one replaced it;
that must be longer than anybody keeps a page open. Only versions that this store made are touched.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from daemon.stages.context import Context
from daemon.stages.push import VERSION

log = logging.getLogger(__name__)


def delete_old_predictions(context: Context) -> None:
    """Delete some of the oldest predictions, of at most one version a call."""
    store, hours = context.store, context.config.label_studio.keep_versions_hours
    if not hours:
        return
    old = store.replaced_prediction_sets(context.now() - timedelta(hours=hours))
    for version in (kept.version for kept in old[:1]):
        if version == store.fact(VERSION):
            raise RuntimeError(f"the version that is shown, {version}, counts as replaced")
        if context.connector.delete_predictions(version):
            store.delete_prediction_set(version, context.now())
            log.info("predictions deleted version=%s, %d old versions left", version, len(old) - 1)
