"""Who the annotators are and what they have begun, for pages; the loop itself needs neither."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from connectors.base import KnowsPeople
from daemon.domain import TaskState
from daemon.domain.clock import is_due
from daemon.domain.errors import ConnectorRefused
from daemon.stages.context import Context

log = logging.getLogger(__name__)

PAUSE = timedelta(seconds=30)  # between two looks at drafts
NAMES_PAUSE = timedelta(hours=6)  # between two looks at names that are all known ...
UNNAMED_PAUSE = timedelta(minutes=5)  # ... and where somebody has none
_LOOKED = "people_looked_at"
_NAMED = "people_named_at"


def sync_people(context: Context) -> None:
    """Read names and drafts, where the labeling tool has them and the last look is long enough ago.

    A tool that refuses costs names and nothing else.
    """
    connector, store, now = context.connector, context.store, context.now()
    if not isinstance(connector, KnowsPeople) or not _is_due(context, _LOOKED, PAUSE, now):
        return
    open_tasks = [task.id for task in store.tasks(TaskState.OPEN)]
    try:
        drafts = connector.drafts(open_tasks) if open_tasks else ()
        if tuple(drafts) != tuple(store.drafts()):
            store.keep_drafts(drafts)
        known = {*store.annotators(), *(draft.annotator for draft in drafts)}
        unnamed = known - store.people().keys()
        if _is_due(context, _NAMED, UNNAMED_PAUSE if unnamed else NAMES_PAUSE, now):
            store.keep_people(connector.people())
            store.keep_fact(_NAMED, now.isoformat())
    except ConnectorRefused as exc:
        log.debug("names and drafts are not read: %s", exc)
    store.keep_fact(_LOOKED, now.isoformat())


def _is_due(context: Context, fact: str, pause: timedelta, now: datetime) -> bool:
    kept = context.store.fact(fact)
    return kept is None or is_due(datetime.fromisoformat(kept), pause, now)
