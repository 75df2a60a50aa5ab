"""Finds the images of the pool that are no near-duplicates: in the tick for a small pool, in a run
for a large one, so that no tick waits for it."""

from __future__ import annotations

import shutil

import numpy as np

from daemon.domain import Stage
from daemon.rules.near_duplicates import representatives
from daemon.rules.validation_split import stack_embeddings
from daemon.runs.run_folder import DistinctRequest
from daemon.stages.context import Context
from daemon.stages.run_settings import write_request
from strategies.base import Pool

MAX_IN_TICK = 3e9  # multiplications: tenths of a second, as for 3000 embeddings of 432 numbers


def comparison_runs(context: Context, cycle: int) -> bool:
    """Whether the run that compares the pool is unfinished; then SELECT waits."""
    run = context.run(cycle, Stage.SELECT)
    return run.request_file.exists() and not context.launcher.advance(run, "near-duplicates")


def distinct_ids(context: Context, cycle: int, pool: Pool) -> set[int] | None:
    """Ids of the pool images that are no near-duplicates; None while their run is unfinished.

    Such an image is similar to no image of the pool with a lower id, and to none that was asked
    for or labeled. Images without an embedding of the encoder are left out. The result of a run is
    used for the whole cycle, also after further images were asked for.
    """
    run, limit = context.run(cycle, Stage.SELECT), context.config.selection.duplicate_similarity
    if run.finished() and run.read_request(DistinctRequest).similarity != limit:
        shutil.rmtree(run.path)  # the setting has changed
    if not run.request_file.exists():
        embedded = context.embedded_ids()
        ids = [int(i) for i in pool.ids if int(i) in embedded]
        used = context.store.labeled_ids() | context.store.queried_ids()
        asked = sorted(used & embedded)
        width = 0 if pool.embeddings is None else pool.embeddings.shape[1]
        if len(ids) * (len(ids) / 2 + len(asked)) * width <= MAX_IN_TICK:
            return _compare_in_tick(context, ids, asked)
        request = context.request(
            DistinctRequest,
            embeddings=tuple(run.scores_file for run in context.embedding_runs()),
            candidates=tuple(ids),
            asked=tuple(asked),
            similarity=limit,
        )
        write_request(context, run, Stage.SELECT, request)
    if not context.launcher.advance(run, "near-duplicates"):
        return None
    return set(run.read_kept().tolist())


def _compare_in_tick(context: Context, ids: list[int], asked: list[int]) -> set[int]:
    if not ids:
        return set()
    table = context.embeddings()
    return set(
        representatives(
            np.array(ids, dtype=np.int64),
            stack_embeddings(ids, table),
            similarity=context.config.selection.duplicate_similarity,
            known=stack_embeddings(asked, table) if asked else None,
        )
    )
