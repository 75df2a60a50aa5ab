"""The candidates of a choice with what is known of them, read from the run folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import RunFailed
from daemon.runs.id_lists import IdArray, IdLists
from daemon.runs.records import SelectRequest
from daemon.runs.run_folder import RunFolder
from daemon.selection.signals import with_signals_of
from strategies.base import PER_IMAGE, FloatArray, Pool


def read_pool(request: SelectRequest, lists: IdLists, runs: Path) -> Pool:
    """The pool of a choice, by id; its labeled images are by id too.

    runs: the folder of all runs. Raises RunFailed where an image is in none of the files.
    """
    if request.scores is None:
        return Pool(
            ids=lists.candidates,
            embeddings=read_embeddings(request.embedded, lists.candidates, runs),
            labeled=read_embeddings(request.embedded, lists.labeled, runs),
        )
    run = RunFolder(runs / request.scores)
    scores = run.read_scores()
    mine = rows_of(scores.ids, lists.candidates, run)
    theirs = rows_of(scores.ids, lists.labeled, run)
    measures: dict[str, Any] = {
        name: None if (array := getattr(scores, name)) is None else array[mine]
        for name in PER_IMAGE
    }
    if scores.foreground_embeddings is not None:
        measures["labeled_foreground"] = scores.foreground_embeddings[theirs]
    pool = Pool(ids=lists.candidates, labeled=scores.embeddings[theirs], **measures)
    return with_signals_of(request, pool)


def read_embeddings(names: tuple[str, ...], ids: IdArray, runs: Path) -> FloatArray:
    """The ImageNet embeddings of these images (N,), of the last of the runs that has each: (N, D).

    (0, 0) without any image or run. Raises RunFailed where an image is in none of the runs.
    """
    found, missing = np.empty((0, 0), dtype=np.float32), np.ones(len(ids), dtype=np.bool_)
    for name in reversed(names if len(ids) else ()):
        scores = RunFolder(runs / name).read_scores()
        here = missing & np.isin(ids, scores.ids)
        if found.size == 0:
            found = np.empty((len(ids), scores.embeddings.shape[1]), dtype=np.float32)
        found[here] = scores.embeddings[rows_of(scores.ids, ids[here], RunFolder(runs / name))]
        missing &= ~here
    if missing.any():
        raise RunFailed(
            f"{int(missing.sum())} images have no embedding, the first is {ids[missing][0]}; "
            f"expected one of each; embed them first"
        )
    return found


def rows_of(known: IdArray, wanted: IdArray, run: RunFolder) -> npt.NDArray[np.intp]:
    """The row of each wanted id (M,) among the known ones (N,), in any order: (M,).

    Raises RunFailed for an id that is not among them.
    """
    order = np.argsort(known, kind="stable")
    place = np.searchsorted(known, wanted, sorter=order)
    inside = place < len(known)
    rows = order[np.where(inside, place, 0)] if len(known) else np.zeros(len(wanted), np.intp)
    absent = ~inside if not len(known) else ~inside | (known[rows] != wanted)
    if absent.any():
        raise RunFailed(
            f"{run.scores_file}: image {wanted[absent][0]} is not in it; expected a row for each "
            f"of {len(wanted)} images"
        )
    return rows
