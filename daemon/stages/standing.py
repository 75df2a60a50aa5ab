"""The facts from which daemon/rules/readiness.py decides whether a new cycle begins."""

from __future__ import annotations

import math

from daemon.domain import Role
from daemon.rules.readiness import Standing
from daemon.stages.context import Context
from daemon.stages.roles import excluded_pool_message
from daemon.store.counts import count_beyond_batch, counts_of, is_dropped


def standing(context: Context, cycle_limit: int | None) -> Standing:
    """The facts for the decision to start a cycle."""
    last = context.store.last_cycle()
    cycle = None if last is None else last.number
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
        left_out="" if counts.images[Role.POOL] else excluded_pool_message(context),
    )


def _open_allowed(context: Context, cycle: int) -> int | None:
    """How many open images a new cycle may leave behind. Images beyond the batch do not count.
    None: with `queue_low` the number of new labels decides alone, whichever images they are of."""
    if context.config.loop.queue_low:
        return None
    ahead = count_beyond_batch(context.store, cycle)
    asked = len(context.store.tasks_of_cycle(cycle)) - ahead
    return int((1 - context.config.loop.done_share) * asked) + ahead


def _enough_labels(context: Context, cycle: int) -> int:
    """How many new labels a training needs: those of a batch of configured size; after cycle 0
    those of the seed batch and of the validation images that were not dropped."""
    loop, store = context.config.loop, context.store
    batch = loop.batch_images
    if cycle == 0:
        labeled = store.labeled_ids()
        measuring = [task for task in store.tasks_of_cycle(0) if task.measures]
        batch = len(store.picks(0)) - sum(is_dropped(task, labeled) for task in measuring)
    return max(1, math.ceil(loop.done_share * batch))
