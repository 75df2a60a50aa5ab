"""The queue of open tasks: while a model trains, annotators get the next best images.

These images belong to the cycle whose scores ranked them, and count towards the budget. The next
batch precedes those of them that are still open, which then get masks of the new model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from daemon.domain import Pick, Role, Stage
from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION, deliver, enqueue
from daemon.stages.select import extend
from daemon.store.counts import (
    count_beyond_batch,
    is_dropped,
    open_images,
    second_label_costs,
)

ACTIVE_WINDOW = timedelta(hours=24)  # people who answered within it count as active


def top_up(context: Context, cycle: int) -> None:
    """Replace each dropped image of the batch; dropped validation images are not replaced."""
    request_images(context, cycle, _batch_size(context, cycle) - _count_answerable(context, cycle))


def request_images(context: Context, cycle: int, wanted: int) -> int:
    """Ask for up to `wanted` further images by the newest scores, within the budget.

    The reserve comes first, then the next best images. Returns the number of images asked for.
    """
    wanted = min(wanted, labels_left(context))
    if wanted <= 0:
        return 0
    picks = _best_picks(context, cycle, wanted)[:wanted]
    _enqueue_and_deliver(context, cycle, picks)
    return len(picks)


def fill_queue(context: Context) -> None:
    """Keep `queue_low` tasks open for each active person, by the scores of the newest batch.

    A cycle asks for at most `queue_top_up` images beyond its batch (0: no limit), within the
    budget. The reserve comes first, then the next best images, which have no predicted mask.
    Calling it twice asks once, since pushes in the outbox count as open.
    """
    cycle, open_count = newest_batch_cycle(context), len(open_images(context.store))
    if cycle is None or open_count >= (target := queue_low(context)):
        return
    cap = context.config.loop.queue_top_up
    wanted = min(
        target - open_count,
        cap - count_beyond_batch(context.store, cycle) if cap else target,
        labels_left(context),
    )
    if wanted > 0:
        new = _best_picks(context, cycle, wanted)[:wanted]
        picks = [replace(pick, reason=_queue_reason(cycle, pick)) for pick in new]
        _enqueue_and_deliver(context, cycle, picks)


def queue_low(context: Context) -> int:
    """How many tasks should be open: `[loop] queue_low` for each active person, at least one."""
    people = context.store.people_since(context.now() - ACTIVE_WINDOW)
    return context.config.loop.queue_low * max(1, people)


def available_reserve(context: Context, cycle: int) -> list[Pick]:
    """The picks of a cycle's reserve that may still be asked for, best first."""
    store = context.store
    reserve = store.reserve(cycle)
    images = store.images_of(pick.image_id for pick in reserve)
    pool = {image.id for image in images.values() if image.role is Role.POOL}
    available = pool - store.queried_ids() - store.labeled_ids() - unpushed_ids(context)
    return [pick for pick in reserve if pick.image_id in available]


def newest_batch_cycle(context: Context) -> int | None:
    """The newest cycle whose batch is selected; None before the first, and during PUSH.

    During PREDICT it is the cycle that runs, since its reserve gets masks too.
    """
    last = context.store.last_cycle()
    if last is None or last.stage is Stage.PUSH:
        return None
    selected = last.stage in (Stage.PREDICT, Stage.DONE)
    number = last.number if selected else last.number - 1
    return number if number >= 0 else None


def unpushed_ids(context: Context) -> set[int]:
    """Ids of the images of a batch that is selected and not pushed yet."""
    last = context.store.last_cycle()
    if last is None or last.stage is Stage.DONE:
        return set()
    picks = context.store.picks(last.number)
    return {pick.image_id for pick in picks} - context.store.queried_ids()


def _best_picks(context: Context, cycle: int, wanted: int) -> list[Pick]:
    """Picks that may be asked for, best first; at least `wanted` if the pool has as many."""
    new = available_reserve(context, cycle)
    if len(new) < wanted and extend(context, cycle, max(wanted, context.config.loop.batch_images)):
        new = available_reserve(context, cycle)
    return new


def labels_left(context: Context) -> int:
    """Labels of the budget that no labeled, open or selected image and no second label needs."""
    store = context.store
    reserved = store.labeled_ids() | open_images(store) | unpushed_ids(context)
    return context.config.loop.budget_labels - len(reserved) - second_label_costs(store)


def _batch_size(context: Context, cycle: int) -> int:
    return sum(pick.arm != "validation" for pick in context.store.picks(cycle))


def _count_answerable(context: Context, cycle: int) -> int:
    """How many pool images of this cycle are labeled or still open, but for those that a person
    chose."""
    labeled = context.store.labeled_ids()
    tasks = [task for task in context.store.tasks_of_cycle(cycle) if not task.is_asked_by_person]
    return sum(not task.is_validation and not is_dropped(task, labeled) for task in tasks)


def _queue_reason(cycle: int, pick: Pick) -> str:
    if cycle == 0:
        return f"extra image before the first model: {pick.reason}"
    return f"extra image while the next model trains, by the scores of cycle {cycle}: {pick.reason}"


def _enqueue_and_deliver(context: Context, cycle: int, picks: Sequence[Pick]) -> None:
    version = context.store.fact(VISIBLE_VERSION)
    if picks and version is not None:
        enqueue(context, cycle, picks, version)
        deliver(context)
