"""Reads from the store what daemon/rules/readiness.py needs to decide about a new cycle."""

from __future__ import annotations

import math

from daemon.domain import Role
from daemon.rules.readiness import LoopFacts
from daemon.stages.context import Context
from daemon.stages.pause import pause_reason
from daemon.stages.roles import excluded_pool_message
from daemon.store.counts import count_beyond_batch, counts_of, is_dropped

WAITING = "waiting"  # name of the stored fact: why the loop waits, for `status` and the page


def read_loop_facts(context: Context, cycle_limit: int | None) -> LoopFacts:
    """The state of the loop now. cycle_limit: `--cycles`; None for no limit."""
    last = context.store.last_cycle()
    cycle = None if last is None else last.number
    counts = counts_of(context.store, context.config.loop.budget_labels)
    return LoopFacts(
        started=cycle is not None,
        usable_images=sum(counts.images.values()),
        open_tasks=counts.open,
        open_earlier=counts.open_earlier,
        max_open_tasks=0 if cycle is None else _max_open_tasks(context, cycle),
        train_labels=counts.labels.train,
        new_labels=counts.new_labels,
        needed_labels=1 if cycle is None else _needed_labels(context, cycle),
        labels_left=max(0, counts.labels.left - counts.second_open),
        may_request=counts.may_ask,
        trained_cycles=cycle or 0,
        cycle_limit=cycle_limit,
        no_training_images="" if counts.images[Role.POOL] else excluded_pool_message(context),
        paused=pause_reason(context.store),
    )


def _max_open_tasks(context: Context, cycle: int) -> int | None:
    """How many tasks may stay open when a new cycle begins; tasks beyond the batch do not count.

    None with `queue_low`: then only the number of new labels matters, whichever images have them.
    """
    if context.config.loop.queue_low:
        return None
    beyond_batch = count_beyond_batch(context.store, cycle)
    asked = len(context.store.tasks_of_cycle(cycle)) - beyond_batch
    return int((1 - context.config.loop.done_share) * asked) + beyond_batch


def _needed_labels(context: Context, cycle: int) -> int:
    """How many new labels a training needs, at least 1: `done_share` of a batch.

    After cycle 0 the batch is the seed batch with those validation images that were not dropped.
    """
    loop, store = context.config.loop, context.store
    batch = loop.batch_images
    if cycle == 0:
        labeled = store.labeled_ids()
        validation_tasks = [task for task in store.tasks_of_cycle(0) if task.is_validation]
        batch = len(store.picks(0)) - sum(is_dropped(task, labeled) for task in validation_tasks)
    return max(1, math.ceil(loop.done_share * batch))
