"""What was known of the images of a batch when it was chosen, read from the run folders.

A choice never changes, so what was read is kept in memory for the newest few batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from daemon.domain.errors import RunFailed
from daemon.insight.score_places import (
    MEASURES,
    Ids,
    NearestImage,
    Rows,
    ScorePlace,
    held_classes,
    nearest_images,
    score_places,
)
from daemon.runs.id_lists import FILE, read_id_lists
from daemon.runs.records import SelectRequest
from daemon.runs.run_folder import RunFolder

MOST_COMPARED = 20_000  # labeled images that a batch is compared with: a second on one core


@dataclass(frozen=True, kw_only=True)
class KnownOfImage:
    """What was known of one image. classes: that the model saw in it."""

    places: tuple[ScorePlace, ...] = ()
    nearest: NearestImage | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BatchScores:
    """What was known of each image. missing: why nothing is, as a sentence; "" where it is."""

    images: Mapping[int, KnownOfImage] = field(default_factory=dict)
    missing: str = ""


def batch_scores(
    runs: Path, cycle: int, image_ids: Sequence[int], classes: Sequence[str]
) -> BatchScores:
    """What was known of these images when cycle N chose. runs: the folder of all runs. classes:
    names by pixel value."""
    if cycle == 0:
        return BatchScores(missing="The first batch is chosen before there is a model.")
    folder = runs / f"{cycle:04d}-select"
    try:
        changed = (folder / FILE).stat().st_mtime_ns
        return _read(runs, folder, changed, tuple(sorted(image_ids)), tuple(classes))
    except (OSError, RunFailed):
        return BatchScores(missing="The scores of this batch are not kept.")


@lru_cache(maxsize=8)
def _read(
    runs: Path, folder: Path, _changed: int, image_ids: tuple[int, ...], classes: tuple[str, ...]
) -> BatchScores:
    request, lists = RunFolder(folder).read_request(SelectRequest), read_id_lists(folder)
    if request.scores is None:
        return BatchScores(missing="This batch was chosen without a model.")
    scores = RunFolder(runs / request.scores).read_scores()
    ids, order = scores.ids, np.argsort(scores.ids, kind="stable")
    wanted = _rows(ids, order, np.array(image_ids, dtype=np.int64))
    labeled = _rows(ids, order, lists.labeled[-MOST_COMPARED:])
    measures = {name: value for name in MEASURES if (value := getattr(scores, name)) is not None}
    places = score_places(measures, _rows(ids, order, lists.candidates), wanted)
    nearest = nearest_images(
        np.asarray(scores.embeddings[wanted]), np.asarray(scores.embeddings[labeled]), ids[labeled]
    )
    share = scores.class_share
    held = [[] for _ in wanted] if share is None else held_classes(share[wanted], classes)
    known = zip(ids[wanted].tolist(), places, nearest, held, strict=True)
    return BatchScores(
        images={
            number: KnownOfImage(places=place, nearest=near, classes=tuple(names))
            for number, place, near, names in known
        }
    )


def _rows(ids: Ids, order: Rows, wanted: Ids) -> Rows:
    """The rows of those of the wanted ids (M,) that are among ids (N,). order: that sorts ids."""
    if not len(ids):
        return np.empty(0, dtype=np.intp)
    place = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
    near = order[place]
    rows: Rows = near[ids[near] == wanted]
    return rows
