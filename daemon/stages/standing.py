"""The facts from which daemon/rules/readiness.py decides whether a new cycle begins."""

from __future__ import annotations

import math

from daemon.domain import Role
from daemon.rules.readiness import Standing
from daemon.stages.context import Context
from daemon.stages.roles import words_of_left_out
from daemon.store.counts import beyond_batch, counts_of, is_dropped


def standing(context: Context, cycle_limit: int | None) -> Standing:
    """What the decision to start a cycle is made from."""
    last = context.store.last_cycle()
    cycle = None if last is None else int(last["id"])
    counts = counts_of(context.store, context.config.loop.budget_labels)
    return Standing(
        started=cycle is not None,
        usable_images=sum(counts.images.values()),
        open_tasks=counts.open,
        open_earlier=counts.open_earlier,
        open_allowed=0 if cycle is None else _open_allowed(context, cycle),
        train_labels=counts.labels.train,
        new_labels=counts.new_labels,
        enough_labels=1 if cycle is None else _enough_labels(context, cycle),
        labels_left=counts.labels.left,
        may_ask=counts.may_ask,
        trained_cycles=cycle or 0,
        cycle_limit=cycle_limit,
        left_out="" if counts.images[Role.POOL] else words_of_left_out(context),
    )


def _open_allowed(context: Context, cycle: int) -> int | None:
    """How many asked images may still wait when the next cycle starts; those that were asked ahead
    never hold it up. None: with images asked ahead it is the labels alone that say it, whichever
    images they are of."""
    if context.config.loop.queue_low:
        return None
    ahead = beyond_batch(context.store, cycle)
    asked = len(context.store.tasks_of_cycle(cycle)) - ahead
    return int((1 - context.config.loop.done_share) * asked) + ahead


def _enough_labels(context: Context, cycle: int) -> int:
    """How many new labels are worth a training: a batch's, whatever this one came to; after cycle 0
    its seed and the validation images that were not dropped."""
    loop, store = context.config.loop, context.store
    batch = loop.batch_images
    if cycle == 0:
        labeled = store.labeled_ids()
        measuring = [row for row in store.tasks_of_cycle(0) if row["arm"] == "validation"]
        batch = len(store.picks(0)) - sum(is_dropped(row, labeled) for row in measuring)
    return max(1, math.ceil(loop.done_share * batch))
