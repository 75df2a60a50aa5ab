"""SELECT: which images next, and why each. The result depends on the run folders and the seed.

A small pool is read and chosen from in the tick, a large one in a run of its own; both call
daemon/selection/choice.py and leave a receipt.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

from daemon.domain import Pick, Role, Stage, TaskState
from daemon.runs.id_lists import IdLists
from daemon.runs.records import SelectRequest, SelectResult
from daemon.runs.run_folder import RunFolder
from daemon.stages.candidates import candidate_lists, without
from daemon.stages.chosen_picks import (
    choice_runs,
    choose_or_start_run,
    numbers_each,
    picks_of_run,
)
from daemon.stages.context import Context
from daemon.stages.near_duplicates import comparison, comparison_runs, distinct_ids
from daemon.stages.selection_signals import keep_regime, training_signals
from daemon.store.counts import second_label_costs

RESERVE_SHARE = 0.2  # of the batch: they replace images that people skip


def select(context: Context, cycle: int) -> bool:
    """Save the batch of this cycle and its reserve; True when done. Calling it twice gives the
    same."""
    run = context.run(cycle, Stage.SELECT)
    if comparison_runs(context, cycle) or choice_runs(context, run):
        return False
    lists = candidate_lists(context, cycle)
    validation = _validation_picks(context) if cycle == 0 else []
    n = batch_size(context, cycle, len(validation))
    if run.finished():  # its batch was as large, or larger than the budget allows now
        n = min(n, run.read_request(SelectRequest).n)
    chosen = _choose(context, run, cycle, n, lists)
    if chosen is None:
        return False
    if run.finished():
        name = run.read_request(SelectRequest).strategy
        keep_regime(context, cycle, name, run.read_result(SelectResult).regime)
    picks = [replace(pick, rank=rank) for rank, pick in enumerate([*validation, *chosen], 1)]
    batch = len(validation) + min(n, len(chosen))
    context.store.save_picks(cycle, picks[:batch], picks[batch:])
    return True


def batch_size(context: Context, cycle: int, validation: int) -> int:
    """How many pool images may be asked for: the configured batch, within the budget."""
    settings = context.config.loop
    spent = len(context.store.labeled_ids()) + second_label_costs(context.store)
    waiting = len(context.store.tasks(TaskState.OPEN))
    left = settings.budget_labels - spent - waiting - validation
    return max(0, min(settings.seed_images if cycle == 0 else settings.batch_images, left))


def has_candidates(context: Context, cycle: int) -> bool:
    """Whether an image of the pool is left that may be chosen."""
    return len(candidate_lists(context, cycle).candidates) > 0


def select_request(context: Context, cycle: int, n: int) -> SelectRequest:
    """What a choice of n images depends on by the present settings, beside the lists of ids."""
    settings, loop = context.config.selection, context.config.loop
    beyond = (loop.queue_top_up or n) if loop.queue_low else 0
    return SelectRequest(
        cycle=cycle,
        strategy=settings.strategy if cycle else settings.seed_strategy,
        settings=settings.settings if cycle else {},
        seed=settings.seed,
        n=n,
        reserve=max(1, round(n * RESERVE_SHARE), beyond),
        random_share=loop.random_share if cycle else 0.0,
        similarity=settings.duplicate_similarity,
        scores=context.run(cycle, Stage.SCORE).path.name if cycle else None,
        signals=training_signals(context, cycle),
        embedded=tuple(run.path.name for run in context.embedding_runs()),
    )


def extend(context: Context, cycle: int, n: int) -> bool:
    """Put the n next best images, or more, behind the reserve of a cycle, by the scores it chose
    from; whether there were any."""
    store, last = context.store, context.store.last_cycle()
    batch, reserve = store.picks(cycle), store.reserve(cycle)
    rank = len(batch) + len(reserve) + 1
    run = context.run(cycle, f"{rank}-{Stage.SELECT}")
    if choice_runs(context, run):
        return False
    newest = store.picks(last.number) if last else []
    known = {pick.image_id for pick in [*batch, *reserve, *newest]}
    lists = without(candidate_lists(context, cycle), known)
    chosen = _choose(context, run, cycle, n, lists)
    if not chosen:
        return False
    ranked = [replace(one, rank=place) for place, one in enumerate(chosen, start=rank)]
    store.save_picks(cycle, batch, [*reserve, *ranked])
    return True


def forget_choices(context: Context, cycle: int) -> None:
    """Remove what was chosen in a cycle that chooses anew, with its receipts."""
    for path in (context.config.state / "runs").glob(f"{cycle:04d}-*{Stage.SELECT}"):
        shutil.rmtree(path)


def _choose(
    context: Context, run: RunFolder, cycle: int, n: int, lists: IdLists
) -> list[Pick] | None:
    """The picks of a choice of n images, the reserve behind them; None while a run is unfinished.

    The run, if it was asked for, has finished.
    """
    n = min(n, len(lists.candidates))
    if n == 0:
        return []
    if run.finished() and (picks := picks_of_run(run, lists, n)):
        return picks
    distinct = distinct_ids(context, cycle, lists, numbers_each(context))
    if distinct is None:
        return None
    request = select_request(context, cycle, n)
    if (run_of_comparison := comparison(context, cycle)).finished():
        request = request.model_copy(update={"compared": run_of_comparison.path.name})
    if not choose_or_start_run(context, run, request, replace(lists, distinct=distinct)):
        return None
    return picks_of_run(run, lists, n)


def _validation_picks(context: Context) -> list[Pick]:
    labeled = context.store.labeled_ids()
    images = context.store.hashes(Role.VALIDATION)
    reason = "drawn at random to measure the model; it never trains on it"
    return [
        Pick(image_id=image_id, rank=1, arm="validation", reason=reason)
        for image_id in sorted(images, key=lambda image_id: images[image_id])
        if image_id not in labeled
    ]
