"""Finds the images of the pool that are no near-duplicates: in the tick for a small pool, in a run
for a large one, so that no tick waits for it."""

from __future__ import annotations

import shutil

import numpy as np

from daemon.domain import Stage
from daemon.rules.near_duplicates import representatives
from daemon.runs.id_lists import FILE, IdArray, IdLists
from daemon.runs.run_folder import DistinctRequest, RunFolder
from daemon.selection.candidate_pool import read_embeddings
from daemon.stages.candidates import NO_IDS
from daemon.stages.context import Context
from daemon.stages.run_settings import NEAR_DUPLICATES, write_request
from strategies.distances import one_thread

MAX_IN_TICK = 3e9  # multiplications: tenths of a second, as for 3000 embeddings of 432 numbers


def comparison(context: Context, cycle: int) -> RunFolder:
    """The run that compares the pool in a cycle; that of an early release gets its present name."""
    run = context.run(cycle, f"{NEAR_DUPLICATES}-{Stage.SELECT}")
    early = context.run(cycle, Stage.SELECT)
    if not run.path.exists() and early.request_file.exists() and not (early.path / FILE).exists():
        early.path.rename(run.path)
    return run


def comparison_runs(context: Context, cycle: int) -> bool:
    """Whether the run that compares the pool is unfinished; then SELECT waits."""
    run = comparison(context, cycle)
    return run.request_file.exists() and not context.launcher.advance(run, "near-duplicates")


def distinct_ids(context: Context, cycle: int, lists: IdLists, width: float) -> IdArray | None:
    """Ids of the candidates that are no near-duplicates; None while their run is unfinished.

    Such an image is similar to no candidate with a lower id, and to none that was asked for or
    labeled. Images without an embedding of the encoder are left out. The result of a run is used
    for the whole cycle, also after further images were asked for. width: numbers an embedding.
    """
    run, limit = comparison(context, cycle), context.config.selection.duplicate_similarity
    if run.finished() and run.read_request(DistinctRequest).similarity != limit:
        shutil.rmtree(run.path)  # the setting has changed
    if not run.request_file.exists():
        ids = lists.compared
        if len(ids) * (len(ids) / 2 + len(lists.asked)) * width <= MAX_IN_TICK:
            return _compare_in_tick(context, ids, lists.asked)
        request = context.request(
            DistinctRequest,
            embeddings=tuple(run.scores_file for run in context.embedding_runs()),
            candidates=tuple(ids.tolist()),
            asked=tuple(lists.asked.tolist()),
            similarity=limit,
        )
        write_request(context, run, Stage.SELECT, request)
    if not context.launcher.advance(run, "near-duplicates"):
        return None
    return np.intersect1d(run.read_kept(), lists.compared)


def _compare_in_tick(context: Context, ids: IdArray, asked: IdArray) -> IdArray:
    if not len(ids):
        return NO_IDS
    runs = context.config.state / "runs"
    names = tuple(run.path.name for run in context.embedding_runs())
    embeddings = read_embeddings(names, ids, runs)
    known = read_embeddings(names, asked, runs) if len(asked) else None
    limit = context.config.selection.duplicate_similarity
    with one_thread():  # as the run: the same images on any number of cores
        kept = representatives(ids, embeddings, similarity=limit, known=known)
    return np.array(kept, dtype=np.int64)
