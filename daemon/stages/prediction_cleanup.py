"""Deletes old predictions that no open page can need any more.

A page that was opened before a re-rank submits the id of the prediction that it displays, and Label
Studio refuses the submit if that prediction is deleted. Label Studio does not report which pages
are open, so a version stays for `[label_studio] keep_versions_hours` after it was replaced; that
must be longer than people keep a page open. Only versions of this store are deleted.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION

log = logging.getLogger(__name__)


def delete_old_predictions(context: Context) -> None:
    """Delete predictions of the oldest replaced version; at most one version in each call."""
    store, hours = context.store, context.config.label_studio.keep_versions_hours
    if not hours:
        return
    old = store.replaced_prediction_sets(context.now() - timedelta(hours=hours))
    for version in (predictions.version for predictions in old[:1]):
        if version == store.fact(VISIBLE_VERSION):
            raise RuntimeError(f"the visible version {version} is marked as replaced")
        if context.connector.delete_predictions(version):
            store.delete_prediction_set(version, context.now())
            log.info("predictions deleted version=%s, %d old versions left", version, len(old) - 1)
