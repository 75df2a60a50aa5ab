"""SELECT: which images next, and why each. The result depends on the run folders and the seed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

import strategies
from daemon.domain import Pick, Role, Stage, TaskState
from daemon.domain.errors import ConfigError, MaskloopError
from daemon.intake import Intake
from daemon.rules.validation_split import FloatArray, stack_embeddings
from daemon.stages.context import Context
from daemon.stages.near_duplicates import comparison_runs, distinct_ids
from daemon.stages.reasons import reasons_for
from daemon.stages.selection_signals import (
    keep_regime,
    regime_of_choice,
    training_signals,
    with_signals,
)
from strategies.base import PER_IMAGE, Pool, QueryStrategy

RESERVE_SHARE = 0.2  # of the batch: they replace images that people skip


def select(context: Context, cycle: int) -> bool:
    """Save the batch of this cycle and its reserve; True when done. Calling it twice gives the
    same."""
    if comparison_runs(context, cycle):
        return False
    pool = candidates(context, cycle)
    validation = _validation_picks(context) if cycle == 0 else []
    n = min(batch_size(context, cycle, len(validation)), len(pool))
    kept = distinct_ids(context, cycle, pool) if n else set()
    if kept is None:
        return False
    chosen = choose(context, cycle, pool, n, kept)
    if n:
        name, strategy = _strategy(context, cycle)
        keep_regime(context, cycle, name, regime_of_choice(strategy, name, pool))
    picks = [replace(pick, rank=rank) for rank, pick in enumerate([*validation, *chosen], 1)]
    batch = len(validation) + n
    context.store.save_picks(cycle, picks[:batch], picks[batch:])
    return True


def batch_size(context: Context, cycle: int, validation: int) -> int:
    """How many pool images may be asked for: the configured batch, within the budget."""
    settings = context.config.loop
    spent = len(context.store.labeled_ids())
    waiting = len(context.store.tasks(TaskState.OPEN))
    left = settings.budget_labels - spent - waiting - validation
    return max(0, min(settings.seed_images if cycle == 0 else settings.batch_images, left))


def candidates(context: Context, cycle: int) -> Pool:
    """The unlabeled, unasked images of the pool with what is known of them, by id."""
    pool = context.store.ids(Role.POOL)
    taken = context.store.labeled_ids() | context.store.queried_ids()
    free = [image_id for image_id in pool if image_id not in taken]
    taken_ids = [image_id for image_id in pool if image_id in taken]
    if cycle == 0:
        table = context.embeddings()
        free = [i for i in free if i in table]
        known = [i for i in taken_ids if i in table]
        return Pool(
            ids=np.array(free, dtype=np.int64),
            embeddings=stack_embeddings(free, table),
            labeled=stack_embeddings(known, table),
        )
    return _scored_pool(context, cycle, set(free), set(taken_ids))


def choose(
    context: Context, cycle: int, pool: Pool, n: int, distinct: Collection[int]
) -> list[Pick]:
    """n picks and then the reserve, best first: a uniform share, the rest by the strategy, of the
    distinct images as long as enough of them remain."""
    if n == 0:
        return []
    rng, loop = context.rng(cycle), context.config.loop
    beyond = (loop.queue_top_up or n) if loop.queue_low else 0
    wanted = min(len(pool), n + max(1, round(n * RESERVE_SHARE), beyond))
    uniform = round(loop.random_share * n) if cycle else 0
    drawn = [int(i) for i in rng.choice(np.sort(pool.ids), size=uniform, replace=False)]
    left = _without(pool, drawn)
    distinct_pool = _only(left, distinct)
    rest = distinct_pool if len(distinct_pool) >= wanted - uniform else left
    name, strategy = _strategy(context, cycle)
    asked = _selected(strategy, name, rest, wanted - uniform, rng)
    arms = [(image_id, name) for image_id in asked]
    for index, image_id in enumerate(drawn):  # spread over the batch, so that half of it is fair
        arms.insert(round((index + 0.5) * n / max(1, uniform)), (image_id, "random"))
    return reasons_for(pool, arms, strategy)


def _strategy(context: Context, cycle: int) -> tuple[str, QueryStrategy]:
    """The strategy of a cycle, with its name."""
    settings = context.config.selection
    name = settings.strategy if cycle else settings.seed_strategy
    return name, strategies.load(name, **(settings.settings if cycle else {}))


def _selected(
    strategy: QueryStrategy, name: str, pool: Pool, n: int, rng: np.random.Generator
) -> list[int]:
    """The picks of a strategy. Raises ConfigError that names it where its own code fails, and
    PoolInvalid where it refuses the pool."""
    intake, refused = Intake(), None
    expected = f"{n} ids of {len(pool)} images"
    cure = "correct the plug-in, or name another strategy"
    with intake.guard(f"[selection] strategy {name!r}", expected=expected, cure=cure):
        try:
            return strategy.select(pool, n, rng)
        except MaskloopError as exc:
            refused = exc
    raise refused or ConfigError("; ".join(map(str, intake.faults())))


def extend(context: Context, cycle: int, n: int) -> bool:
    """Put the n next best images, or more, behind the reserve of a cycle, by the scores it chose
    from; whether there were any."""
    store, last = context.store, context.store.last_cycle()
    batch, reserve = store.picks(cycle), store.reserve(cycle)
    newest = store.picks(last.number) if last else []
    known = {pick.image_id for pick in [*batch, *reserve, *newest]}
    if set(store.ids(Role.POOL)) <= known | store.queried_ids() | store.labeled_ids():
        return False
    pool = _without(candidates(context, cycle), sorted(known))
    kept = distinct_ids(context, cycle, pool)
    if kept is None:
        return False
    picks = [*reserve, *choose(context, cycle, pool, min(n, len(pool)), kept)]
    ranked = [replace(one, rank=rank) for rank, one in enumerate(picks, start=len(batch) + 1)]
    store.save_picks(cycle, batch, ranked)
    return len(ranked) > len(reserve)


def _scored_pool(context: Context, cycle: int, free: set[int], taken_ids: set[int]) -> Pool:
    scores = context.run(cycle, Stage.SCORE).read_scores()
    mine = np.array([int(i) in free for i in scores.ids], dtype=bool)
    theirs = np.array([int(i) in taken_ids for i in scores.ids], dtype=bool)
    measures: dict[str, Any] = {name: _part(getattr(scores, name), mine) for name in PER_IMAGE}
    if scores.foreground_embeddings is not None:
        measures["labeled_foreground"] = scores.foreground_embeddings[theirs]
    pool = Pool(ids=scores.ids[mine], labeled=scores.embeddings[theirs], **measures)
    settings = context.config.selection
    signals = training_signals(context, cycle)
    return with_signals(pool, signals, settings.duplicate_similarity, settings.seed)


def _without(pool: Pool, ids: Sequence[int]) -> Pool:
    return _only(pool, np.setdiff1d(pool.ids, np.array(ids, dtype=np.int64)).tolist())


def _only(pool: Pool, ids: Collection[int]) -> Pool:
    rows = np.flatnonzero(np.isin(pool.ids, list(ids)))
    parts: dict[str, Any] = {name: _part(getattr(pool, name), rows) for name in PER_IMAGE}
    return replace(pool, ids=pool.ids[rows], **parts)


def _part(array: FloatArray | None, rows: npt.NDArray[Any]) -> FloatArray | None:
    return None if array is None else array[rows]


def _validation_picks(context: Context) -> list[Pick]:
    labeled = context.store.labeled_ids()
    images = context.store.hashes(Role.VALIDATION)
    reason = "drawn at random to measure the model; it never trains on it"
    return [
        Pick(image_id=image_id, rank=1, arm="validation", reason=reason)
        for image_id in sorted(images, key=lambda image_id: images[image_id])
        if image_id not in labeled
    ]
