"""The page of a batch: its images with their masks, why each was asked, and who labeled it."""

from __future__ import annotations

from contextlib import suppress

from flask import request

from daemon.insight.batch_query import BatchQuery
from daemon.insight.batch_view import BatchView, batch_view
from daemon.web.access.gate import visitor
from daemon.web.batch_history import read_batch
from daemon.web.page import NothingToShow, Page, Sources


def build(sources: Sources) -> BatchView:
    """The batch that the address asks for, as /batch?cycle=3&state=open; an empty one before the
    first run."""
    query = BatchQuery.of(request.args)
    if not visitor().sees_names:
        query = query.with_values(person="")  # an address would tell who is who
    if sources.read_config is not None:
        config = sources.read_config()
        with suppress(NothingToShow), sources.store() as store:
            found = read_batch(store, config, query)
            return found if visitor().sees_names else found.model_copy(update={"people": ()})
    return batch_view(query, (), cycle=None, cycles={}, legend=(), scores_missing="")


PAGE = Page(name="batch", title="Batch", template="batch.html", model=BatchView, build=build)
