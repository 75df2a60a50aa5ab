"""No idle annotator: while a model trains, the next best images of the last scores are asked.

They belong to the cycle that chose them and count against the budget. The next batch is served
before those that nobody answered; its model's masks and order reach them as all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from daemon.domain import Pick, Role, Stage
from daemon.stages.context import Context, by_role
from daemon.stages.push import VERSION, deliver, intend
from daemon.stages.select import extend
from daemon.store.counts import beyond_batch, is_dropped, open_images

PRESENT = timedelta(hours=24)  # who answered since then counts as at work


def top_up(context: Context, cycle: int) -> None:
    """Ask for a stand-in for every dropped batch image; a dropped validation image stays out."""
    ask_more(context, cycle, _batch(context, cycle) - _standing(context, cycle))


def ask_more(context: Context, cycle: int, wanted: int) -> int:
    """Ask for so many further images of the last scores, within the budget; how many it were.

    The reserve first; when that is used up the next best follow.
    """
    wanted = min(wanted, _labels_left(context))
    if wanted <= 0:
        return 0
    picks = _next_best(context, cycle, wanted)[:wanted]
    _ask(context, cycle, picks)
    return len(picks)


def ask_ahead(context: Context) -> None:
    """Keep `queue_low` tasks open for each person, from the scores of the last batch, within the
    budget. Twice asks once: the outbox keeps what is on its way.

    A cycle asks at most `queue_top_up` images beyond its batch, where that is set. When its
    reserve is used up the next best follow; they have no mask to begin with.
    """
    cycle, waiting = _last_asked(context), len(open_images(context.store))
    if cycle is None or waiting >= (low := queue_low(context)):
        return
    cap = context.config.loop.queue_top_up
    wanted = min(
        low - waiting,
        cap - beyond_batch(context.store, cycle) if cap else low,
        _labels_left(context),
    )
    if wanted > 0:
        new = _next_best(context, cycle, wanted)[:wanted]
        _ask(context, cycle, [replace(one, reason=_ahead(cycle, one)) for one in new])


def queue_low(context: Context) -> int:
    """How many open tasks keep everybody busy: so many for each person who is at work."""
    people = context.store.people_since(context.now() - PRESENT)
    return context.config.loop.queue_low * max(1, people)


def spare(context: Context, cycle: int) -> list[Pick]:
    """The images of a cycle's reserve that may still be asked, best first."""
    store = context.store
    pool = {image.id for image in by_role(store.images())[Role.POOL]}
    free = pool - store.asked_ids() - store.labeled_ids() - _chosen(context)
    return [pick for pick in store.reserve(cycle) if pick.image_id in free]


def _last_asked(context: Context) -> int | None:
    """The newest cycle that has a batch; None before any, and in the moment of a push. While the
    masks of a batch are made this is its own cycle: its reserve gets masks too."""
    last = context.store.last_cycle()
    if last is None or last["stage"] == Stage.PUSH:
        return None
    selected = last["stage"] in (Stage.PREDICT, Stage.DONE)
    number = int(last["id"]) if selected else int(last["id"]) - 1
    return number if number >= 0 else None


def _chosen(context: Context) -> set[int]:
    """Images of the newest batch that were not asked yet: it was selected, not pushed."""
    last = context.store.last_cycle()
    if last is None or last["stage"] == Stage.DONE:
        return set()
    picks = context.store.picks(int(last["id"]))
    return {pick.image_id for pick in picks} - context.store.asked_ids()


def _next_best(context: Context, cycle: int, wanted: int) -> list[Pick]:
    """At least so many images that may be asked, best first, where there are so many."""
    new = spare(context, cycle)
    if len(new) < wanted and extend(context, cycle, max(wanted, context.config.loop.batch_images)):
        new = spare(context, cycle)
    return new


def _labels_left(context: Context) -> int:
    """Of the budget, when everything that is asked or chosen gets its label."""
    store = context.store
    spoken_for = store.labeled_ids() | open_images(store) | _chosen(context)
    return context.config.loop.budget_labels - len(spoken_for)


def _batch(context: Context, cycle: int) -> int:
    return sum(pick.arm != "validation" for pick in context.store.picks(cycle))


def _standing(context: Context, cycle: int) -> int:
    """How many images of the pool that this cycle asked are answered, or may be."""
    labeled = context.store.labeled_ids()
    rows = context.store.tasks_of_cycle(cycle)
    return sum(row["arm"] != "validation" and not is_dropped(row, labeled) for row in rows)


def _ahead(cycle: int, pick: Pick) -> str:
    if cycle == 0:
        return f"asked ahead of the first model: {pick.reason}"
    return f"asked ahead of the next model, by the scores of cycle {cycle}: {pick.reason}"


def _ask(context: Context, cycle: int, picks: Sequence[Pick]) -> None:
    version = context.store.fact(VERSION)
    if picks and version is not None:
        intend(context, cycle, picks, version)
        deliver(context)
