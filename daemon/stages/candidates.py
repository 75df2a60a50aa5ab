"""Which images a choice is made from: lists of ids as arrays, since a tick meets a million."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from daemon.domain import Role, Stage
from daemon.runs.id_lists import IdArray, IdLists
from daemon.stages.context import Context

NO_IDS: IdArray = np.empty(0, dtype=np.int64)


def candidate_lists(context: Context, cycle: int) -> IdLists:
    """The images of the pool that may be chosen, and those that are labeled or asked already, as
    far as the model has scored them (cycle 0: the encoder has embedded them). `distinct` is empty
    until they are compared."""
    pool, embedded = context.store.id_array(Role.POOL), context.embedded_array()
    taken = _rising(context.store.labeled_ids() | context.store.queried_ids())
    known = np.sort(context.run(cycle, Stage.SCORE).read_ids()) if cycle else embedded
    usable = np.intersect1d(pool, known, assume_unique=True)
    is_taken = np.isin(usable, taken)
    return IdLists(
        candidates=usable[~is_taken],
        labeled=usable[is_taken],
        asked=np.intersect1d(taken, embedded, assume_unique=True),
        compared=np.intersect1d(usable[~is_taken], embedded, assume_unique=True),
        distinct=NO_IDS,
    )


def without(lists: IdLists, ids: Iterable[int]) -> IdLists:
    """The lists without these candidates."""
    gone = _rising(ids)
    return replace(
        lists,
        candidates=np.setdiff1d(lists.candidates, gone, assume_unique=True),
        compared=np.setdiff1d(lists.compared, gone, assume_unique=True),
    )


def _rising(ids: Iterable[int]) -> IdArray:
    return np.array(sorted(ids), dtype=np.int64)
