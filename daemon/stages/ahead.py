"""No idle annotator: while a model trains, the next best images of the last scores are asked.

They belong to the cycle that chose them, count against the budget, and stand in front of the
batch that the running training will ask; its predictions and order reach them as all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from daemon.domain import Pick, Role, Stage, TaskState
from daemon.stages.context import Context, by_role
from daemon.stages.push import VERSION, deliver, intend
from daemon.store.base import Row

DROPPED = (TaskState.SKIPPED, TaskState.EXPIRED, TaskState.DELETED, TaskState.UNUSABLE)


def top_up(context: Context, cycle: int) -> None:
    """Ask for a stand-in for every dropped batch image; a dropped validation image stays out."""
    missing = _batch(context, cycle) - _standing(context, cycle)
    _ask(context, cycle, spare(context, cycle)[: max(0, missing)])


def ask_ahead(context: Context) -> None:
    """Keep `queue_low` tasks open with the reserve of the last batch, within the budget.

    A cycle asks at most `queue_top_up` images beyond its batch. Twice asks once: the outbox
    keeps what is on its way.
    """
    cycle, store, settings = _last_asked(context), context.store, context.config.loop
    waiting = len(store.tasks(TaskState.OPEN))
    if cycle is None or waiting >= settings.queue_low:
        return
    wanted = min(
        settings.queue_low - waiting,
        settings.queue_top_up - surplus(context, cycle),
        _labels_left(context, waiting),
    )
    new = spare(context, cycle)[: max(0, wanted)]
    _ask(context, cycle, [replace(pick, reason=_ahead(cycle, pick)) for pick in new])


def surplus(context: Context, cycle: int) -> int:
    """How many images a cycle has asked beyond its batch, dropped ones left out."""
    return max(0, _standing(context, cycle) - _batch(context, cycle))


def spare(context: Context, cycle: int) -> list[Pick]:
    """The images of a cycle's reserve that may still be asked, best first."""
    store = context.store
    pool = {image.id for image in by_role(store.images())[Role.POOL]}
    free = pool - store.asked_ids() - store.labeled_ids() - _chosen(context)
    return [pick for pick in store.reserve(cycle) if pick.image_id in free]


def _last_asked(context: Context) -> int | None:
    """The newest cycle whose batch was pushed; None before any, and while the next batch gets
    its masks: a task asked in that moment would have none when the new order takes over."""
    last = context.store.last_cycle()
    if last is None or last["stage"] in (Stage.PREDICT, Stage.PUSH):
        return None
    number = int(last["id"]) if last["stage"] == Stage.DONE else int(last["id"]) - 1
    return number if number >= 0 else None


def _chosen(context: Context) -> set[int]:
    """Images of the newest batch that were not asked yet: it was selected, not pushed."""
    last = context.store.last_cycle()
    picks = context.store.picks(int(last["id"])) if last else []
    return {pick.image_id for pick in picks} - context.store.asked_ids()


def _labels_left(context: Context, waiting: int) -> int:
    spent = len(context.store.labeled_ids()) + waiting + len(_chosen(context))
    return context.config.loop.budget_labels - spent


def _batch(context: Context, cycle: int) -> int:
    return sum(pick.arm != "validation" for pick in context.store.picks(cycle))


def _standing(context: Context, cycle: int) -> int:
    return sum(_stands(row) for row in context.store.tasks_of_cycle(cycle))


def _stands(row: Row) -> bool:
    return row["arm"] != "validation" and TaskState(row["state"]) not in DROPPED


def _ahead(cycle: int, pick: Pick) -> str:
    if cycle == 0:
        return f"asked ahead of the first model: {pick.reason}"
    return f"asked ahead of the next model, by the scores of cycle {cycle}: {pick.reason}"


def _ask(context: Context, cycle: int, picks: Sequence[Pick]) -> None:
    version = context.store.fact(VERSION)
    if picks and version is not None:
        intend(context, cycle, picks, version)
        deliver(context)
