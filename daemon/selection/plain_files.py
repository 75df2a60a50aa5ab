"""Reads the images of a choice once more, slow and obvious, for `maskloop verify`: by tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from daemon.domain.errors import RunFailed
from daemon.runs.id_lists import IdLists
from daemon.runs.records import SelectRequest
from daemon.runs.run_folder import RunFolder
from daemon.selection.signals import with_signals_of
from strategies.base import PER_IMAGE, FloatArray, Pool


def plain_pool(request: SelectRequest, lists: IdLists, runs: Path) -> Pool:
    """The candidates of a choice with what is known of them, by id. Raises RunFailed where an image
    is in none of the files."""
    ids, labeled = lists.candidates.tolist(), lists.labeled.tolist()
    if request.scores is None:
        return Pool(
            ids=lists.candidates,
            embeddings=plain_embeddings(request.embedded, ids, runs),
            labeled=plain_embeddings(request.embedded, labeled, runs),
        )
    scores = RunFolder(runs / request.scores).read_scores()
    row_of = {image_id: row for row, image_id in enumerate(scores.ids.tolist())}
    if missing := [image_id for image_id in [*ids, *labeled] if image_id not in row_of]:
        raise RunFailed(f"{runs / request.scores}: image {missing[0]} has no score there")
    mine, theirs = [row_of[i] for i in ids], [row_of[i] for i in labeled]
    fields: dict[str, Any] = {name: getattr(scores, name) for name in PER_IMAGE}
    measures = {name: array[mine] for name, array in fields.items() if array is not None}
    if scores.foreground_embeddings is not None:
        measures["labeled_foreground"] = scores.foreground_embeddings[theirs]
    pool = Pool(ids=lists.candidates, labeled=scores.embeddings[theirs], **measures)
    return with_signals_of(request, pool)  # the same code: an estimate from a sample


def plain_embeddings(names: Sequence[str], ids: Sequence[int], runs: Path) -> FloatArray:
    """The ImageNet embeddings of these images (N,): of several runs that hold an image the last one
    counts; (N, D), (0, 0) for none. Raises RunFailed where an image is in none of them."""
    wanted, table = set(ids), {}
    for name in names if wanted else ():
        scores = RunFolder(runs / name).read_scores()
        for row, image_id in enumerate(scores.ids.tolist()):
            if image_id in wanted:
                table[image_id] = scores.embeddings[row]
    if missing := sorted(wanted - set(table)):
        raise RunFailed(f"image {missing[0]} has no embedding in {', '.join(names) or 'any run'}")
    return np.array([table[i] for i in ids]) if ids else np.empty((0, 0), dtype=np.float32)
