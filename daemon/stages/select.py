"""SELECT: which images next, and why each. Computed from the run folders, never by chance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

import strategies
from daemon.domain import Pick, Role, Stage, TaskState
from daemon.rules.validation_split import FloatArray, stack_embeddings
from daemon.stages.context import Context
from daemon.stages.near_duplicates import comparing, distinct_ids
from daemon.stages.reasons import reasons_for
from strategies.base import Pool

RESERVE_SHARE = 0.2  # of the batch: stand-ins for images that people skip


def select(context: Context, cycle: int) -> bool:
    """Save the batch of this cycle and its reserve; True when done. Twice gives the same."""
    if comparing(context, cycle):
        return False
    pool = candidates(context, cycle)
    validation = _validation_picks(context) if cycle == 0 else []
    n = min(batch_size(context, cycle, len(validation)), len(pool))
    kept = distinct_ids(context, cycle, pool) if n else set()
    if kept is None:
        return False
    chosen = choose(context, cycle, pool, n, kept)
    picks = [replace(pick, rank=rank) for rank, pick in enumerate([*validation, *chosen])]
    batch = len(validation) + n
    context.store.save_picks(cycle, picks[:batch], picks[batch:])
    return True


def batch_size(context: Context, cycle: int, validation: int) -> int:
    """How many pool images may be asked: the configured batch, within the budget."""
    settings = context.config.loop
    spent = len(context.store.labeled_ids())
    waiting = len(context.store.tasks(TaskState.OPEN))
    left = settings.budget_labels - spent - waiting - validation
    return max(0, min(settings.seed_images if cycle == 0 else settings.batch_images, left))


def candidates(context: Context, cycle: int) -> Pool:
    """The unlabeled, unasked images of the pool with what is known of them, by id."""
    pool = context.store.hashes(Role.POOL)
    taken = context.store.labeled_ids() | context.store.asked_ids()
    free = [image_id for image_id in pool if image_id not in taken]
    teaching = [image_id for image_id in pool if image_id in taken]
    if cycle == 0:
        table = context.embeddings()
        free = [i for i in free if i in table]
        known = [i for i in teaching if i in table]
        return Pool(
            ids=np.array(free, dtype=np.int64),
            embeddings=stack_embeddings(free, table),
            labeled=stack_embeddings(known, table),
        )
    return _scored_pool(context, cycle, set(free), set(teaching))


def choose(
    context: Context, cycle: int, pool: Pool, n: int, distinct: Collection[int]
) -> list[Pick]:
    """n picks and then the reserve, best first: a uniform share, the rest by the strategy, of the
    distinct images as long as enough of them remain."""
    if n == 0:
        return []
    settings, rng = context.config.selection, context.rng(cycle)
    loop = context.config.loop
    ahead = (loop.queue_top_up or n) if loop.queue_low else 0
    wanted = min(len(pool), n + max(1, round(n * RESERVE_SHARE), ahead))
    uniform = round(loop.random_share * n) if cycle else 0
    drawn = [int(i) for i in rng.choice(np.sort(pool.ids), size=uniform, replace=False)]
    left = _without(pool, drawn)
    unlike = _only(left, distinct)
    rest = unlike if len(unlike) >= wanted - uniform else left
    name = settings.strategy if cycle else settings.seed_strategy
    strategy = strategies.load(name, **(settings.settings if cycle else {}))
    asked = strategy.select(rest, wanted - uniform, rng)
    arms = [(image_id, name) for image_id in asked]
    for place, image_id in enumerate(drawn):  # spread over the batch, so that half of it is fair
        arms.insert(round((place + 0.5) * n / max(1, uniform)), (image_id, "random"))
    return reasons_for(pool, arms, strategy)


def extend(context: Context, cycle: int, n: int) -> bool:
    """Put the n next best images, or more, behind the reserve of a cycle, by the scores it chose
    from; whether there were any."""
    store, last = context.store, context.store.last_cycle()
    batch, reserve = store.picks(cycle), store.reserve(cycle)
    newest = store.picks(int(last["id"])) if last else []
    known = {pick.image_id for pick in [*batch, *reserve, *newest]}
    free = store.hashes(Role.POOL).keys() - known
    if not free - store.asked_ids() - store.labeled_ids():
        return False
    pool = _without(candidates(context, cycle), sorted(known))
    kept = distinct_ids(context, cycle, pool)
    if kept is None:
        return False
    picks = [*reserve, *choose(context, cycle, pool, min(n, len(pool)), kept)]
    ranked = [replace(one, rank=rank) for rank, one in enumerate(picks, start=len(batch))]
    store.save_picks(cycle, batch, ranked)
    return len(ranked) > len(reserve)


def _scored_pool(context: Context, cycle: int, free: set[int], teaching: set[int]) -> Pool:
    scores = context.run(cycle, Stage.SCORE).read_scores()
    mine = np.array([int(i) in free for i in scores.ids], dtype=bool)
    theirs = np.array([int(i) in teaching for i in scores.ids], dtype=bool)
    return Pool(
        ids=scores.ids[mine],
        embeddings=scores.embeddings[mine],
        labeled=scores.embeddings[theirs],
        uncertainty=None if scores.uncertainty is None else scores.uncertainty[mine],
        class_share=None if scores.class_share is None else scores.class_share[mine],
    )


def _without(pool: Pool, ids: Sequence[int]) -> Pool:
    return _only(pool, np.setdiff1d(pool.ids, np.array(ids, dtype=np.int64)).tolist())


def _only(pool: Pool, ids: Collection[int]) -> Pool:
    rows = np.flatnonzero(np.isin(pool.ids, list(ids)))

    def part(array: FloatArray | None) -> FloatArray | None:
        return None if array is None else array[rows]

    return replace(
        pool,
        ids=pool.ids[rows],
        embeddings=part(pool.embeddings),
        uncertainty=part(pool.uncertainty),
        class_share=part(pool.class_share),
    )


def _validation_picks(context: Context) -> list[Pick]:
    labeled = context.store.labeled_ids()
    images = context.store.hashes(Role.VALIDATION)
    reason = "drawn at random to measure the model; it never trains on it"
    return [
        Pick(image_id=image_id, rank=0, arm="validation", reason=reason)
        for image_id in sorted(images, key=lambda image_id: images[image_id])
        if image_id not in labeled
    ]
