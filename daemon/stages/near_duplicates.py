"""Which images of the pool stand for those that are like them: a small pool at once, a large one
in a run of its own, so that no tick is held by it."""

from __future__ import annotations

import shutil

import numpy as np

from daemon.domain import Stage
from daemon.rules.near_duplicates import representatives
from daemon.rules.validation_split import stack_embeddings
from daemon.runs.folder import DistinctRequest
from daemon.stages.context import Context
from daemon.stages.run_settings import ask
from strategies.base import Pool

AT_ONCE = 3e9  # multiplications: some tenths of a second, as for 3000 images of 432 numbers


def comparing(context: Context, cycle: int) -> bool:
    """Whether a run that compares the pool works still: nothing else has to be looked at then."""
    run = context.run(cycle, Stage.SELECT)
    return run.request_file.exists() and not context.launcher.advance(run, "near-duplicates")


def distinct_ids(context: Context, cycle: int, pool: Pool) -> set[int] | None:
    """The images of the pool that no other of it with a lower id, and none that was asked or
    labeled, is too much alike. None while the run that finds them works: ask again.

    An image without an embedding of the encoder is left out. What a run found once is the answer
    for its cycle from then on: what is asked meanwhile comes off the same list.
    """
    run, limit = context.run(cycle, Stage.SELECT), context.config.selection.duplicate_similarity
    if run.finished() and run.read_request(DistinctRequest).similarity != limit:
        shutil.rmtree(run.path)  # the setting was corrected since
    if not run.request_file.exists():
        embedded = context.embedded_ids()
        ids = [int(i) for i in pool.ids if int(i) in embedded]
        taken = context.store.labeled_ids() | context.store.asked_ids()
        asked = sorted(taken & embedded)
        width = 0 if pool.embeddings is None else pool.embeddings.shape[1]
        if len(ids) * (len(ids) / 2 + len(asked)) * width <= AT_ONCE:
            return _found_now(context, ids, asked)
        request = context.request(
            DistinctRequest,
            embeddings=tuple(run.scores_file for run in context.embedding_runs()),
            candidates=tuple(ids),
            asked=tuple(asked),
            similarity=limit,
        )
        ask(context, run, Stage.SELECT, request)
    if not context.launcher.advance(run, "near-duplicates"):
        return None
    return set(run.read_kept().tolist())


def _found_now(context: Context, ids: list[int], asked: list[int]) -> set[int]:
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
