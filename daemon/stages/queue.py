"""The queue of open tasks: while a model trains, annotators get the next best images.

These images belong to the cycle whose scores ranked them, and count against the budget. The next
batch is served before those of them that nobody answered; they too get its masks and positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from daemon.domain import Pick, Role, Stage
from daemon.stages.context import Context
from daemon.stages.push import VERSION, deliver, enqueue
from daemon.stages.select import extend
from daemon.store.counts import count_beyond_batch, is_dropped, open_images

PRESENT = timedelta(hours=24)  # people who answered since then count as active


def top_up(context: Context, cycle: int) -> None:
    """Ask for a stand-in for every dropped batch image; a dropped validation image stays out."""
    ask_more(context, cycle, _batch_size(context, cycle) - _count_answerable(context, cycle))


def ask_more(context: Context, cycle: int, wanted: int) -> int:
    """Ask for `wanted` further images by the newest scores, within the budget; how many it were.

    The reserve comes first, then the next best images.
    """
    wanted = min(wanted, _labels_left(context))
    if wanted <= 0:
        return 0
    picks = _next_best(context, cycle, wanted)[:wanted]
    _send(context, cycle, picks)
    return len(picks)


def fill_queue(context: Context) -> None:
    """Keep `queue_low` tasks open for each active person, by the scores of the newest batch and
    within the budget. Calling it twice asks once: the outbox holds the pushes on their way.

    A cycle asks for at most `queue_top_up` images beyond its batch, where that is set. The reserve
    comes first, then the next best images, which have no predicted mask.
    """
    cycle, waiting = _newest_batch_cycle(context), len(open_images(context.store))
    if cycle is None or waiting >= (low := queue_low(context)):
        return
    cap = context.config.loop.queue_top_up
    wanted = min(
        low - waiting,
        cap - count_beyond_batch(context.store, cycle) if cap else low,
        _labels_left(context),
    )
    if wanted > 0:
        new = _next_best(context, cycle, wanted)[:wanted]
        _send(context, cycle, [replace(one, reason=_queue_reason(cycle, one)) for one in new])


def queue_low(context: Context) -> int:
    """How many open tasks there should be: `[loop] queue_low` for each active person."""
    people = context.store.people_since(context.now() - PRESENT)
    return context.config.loop.queue_low * max(1, people)


def available_reserve(context: Context, cycle: int) -> list[Pick]:
    """The picks of a cycle's reserve that may still be asked for, best first."""
    store = context.store
    reserve = store.reserve(cycle)
    images = store.images_of(pick.image_id for pick in reserve)
    pool = {image.id for image in images.values() if image.role is Role.POOL}
    free = pool - store.queried_ids() - store.labeled_ids() - _unpushed_ids(context)
    return [pick for pick in reserve if pick.image_id in free]


def _newest_batch_cycle(context: Context) -> int | None:
    """The newest cycle whose batch is selected; None before any, and during a push. While the
    masks of a batch are predicted this is its own cycle: its reserve gets masks too."""
    last = context.store.last_cycle()
    if last is None or last.stage is Stage.PUSH:
        return None
    selected = last.stage in (Stage.PREDICT, Stage.DONE)
    number = last.number if selected else last.number - 1
    return number if number >= 0 else None


def _unpushed_ids(context: Context) -> set[int]:
    """Ids of the images of a batch that is selected and not pushed yet."""
    last = context.store.last_cycle()
    if last is None or last.stage is Stage.DONE:
        return set()
    picks = context.store.picks(last.number)
    return {pick.image_id for pick in picks} - context.store.queried_ids()


def _next_best(context: Context, cycle: int, wanted: int) -> list[Pick]:
    """Picks that may be asked for, best first; at least `wanted` where the pool has as many."""
    new = available_reserve(context, cycle)
    if len(new) < wanted and extend(context, cycle, max(wanted, context.config.loop.batch_images)):
        new = available_reserve(context, cycle)
    return new


def _labels_left(context: Context) -> int:
    """Labels of the budget that are left when every open and every chosen image has its label."""
    store = context.store
    reserved = store.labeled_ids() | open_images(store) | _unpushed_ids(context)
    return context.config.loop.budget_labels - len(reserved)


def _batch_size(context: Context, cycle: int) -> int:
    return sum(pick.arm != "validation" for pick in context.store.picks(cycle))


def _count_answerable(context: Context, cycle: int) -> int:
    """How many images of the pool that this cycle asked for are answered or still open."""
    labeled = context.store.labeled_ids()
    tasks = context.store.tasks_of_cycle(cycle)
    return sum(not task.measures and not is_dropped(task, labeled) for task in tasks)


def _queue_reason(cycle: int, pick: Pick) -> str:
    if cycle == 0:
        return f"asked ahead of the first model: {pick.reason}"
    return f"asked ahead of the next model, by the scores of cycle {cycle}: {pick.reason}"


def _send(context: Context, cycle: int, picks: Sequence[Pick]) -> None:
    version = context.store.fact(VERSION)
    if picks and version is not None:
        enqueue(context, cycle, picks, version)
        deliver(context)
