"""The batch that the loop would choose next, from what is stored: nothing is written or started.

The choice is that of SELECT (daemon/selection/choice.py) on the newest scores. Where the cycle that
chooses next trains first, its model may rank otherwise; `Basis.exact` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Any, cast

import numpy as np

from connectors.base import Connector
from daemon.config.loading import Config
from daemon.domain import Pick, Role, Stage
from daemon.domain.errors import MaskloopError
from daemon.launchers import Launcher
from daemon.rules.near_duplicates import representatives
from daemon.runs.id_lists import IdArray, IdLists
from daemon.runs.records import DistinctRequest
from daemon.selection.candidate_pool import read_embeddings, read_pool
from daemon.selection.choice import choose
from daemon.stages.candidates import NO_IDS, candidate_lists, without
from daemon.stages.context import Context
from daemon.stages.run_settings import NEAR_DUPLICATES
from daemon.stages.select import batch_size, select_request
from daemon.store import Store
from strategies.base import FloatArray, Pool

MOST_COMPARED = 3e11  # multiplications: about ten seconds, as for 30,000 embeddings of 640 numbers
LEAST_SHARE = 0.001  # of an image's pixels, for the image to hold a class
LONGEST_S = 4 * 3600.0  # a longer time of work is of a page that was left open


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What the preview is computed from. cycle: whose scores; 0: embeddings, there is no model yet.
    exact: this cycle chooses next, from just these. classes: of its model, background first."""

    cycle: int
    exact: bool
    classes: tuple[str, ...]

    def words(self) -> str:
        """The same, as the head of a list."""
        if self.cycle == 0:
            return "the first batch, by the embeddings of the images"
        if self.exact:
            return f"the batch of cycle {self.cycle}, by its scores"
        return (
            f"the next batch, by the scores of cycle {self.cycle}; cycle {self.cycle + 1} trains a "
            f"model first, which may rank otherwise"
        )


@dataclass(frozen=True, kw_only=True)
class BatchPreview:
    """One batch. names: image id -> name. class_share: mean share of the pixels predicted as each
    class. holding: how many of the images are predicted to hold it. Both are None before there is a
    model. nearest: mean cosine similarity of an image to the most similar other one of the batch;
    None for fewer than two. minutes: of labeling; None where no time of work is known. refused: why
    there is no batch; "" otherwise. compared: whether near-duplicates were looked for, which a
    preview does not in a large pool.
    """

    picks: Sequence[Pick] = ()
    names: Mapping[int, str]
    class_share: Mapping[str, float] | None = None
    holding: Mapping[str, int] | None = None
    nearest: float | None = None
    minutes: float | None = None
    refused: str = ""
    compared: bool = True


def basis_of(context: Context) -> Basis | str:
    """What the next batch can be computed from; or, in words, what is missing."""
    last = context.store.last_cycle()
    if last is None:
        return "there is no cycle yet; the first one begins with `maskloop run`"
    for cycle in range(last.number, 0, -1):
        if context.run(cycle, Stage.SCORE).finished():
            exact = cycle == last.number and not context.store.picks(cycle)
            return Basis(cycle=cycle, exact=exact, classes=context.trained_classes(cycle))
    if context.store.picks(0):
        return "no scores are stored yet; they come with the first model"
    if last.stage is Stage.EMBED or not context.embedding_runs():
        return "the images are not embedded yet; the first batch is chosen by their embeddings"
    return Basis(cycle=0, exact=True, classes=())


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The images that may be chosen, with what is known of them; the same for all settings."""

    basis: Basis
    lists: IdLists
    pool: Pool


def read_candidates(context: Context, basis: Basis) -> Candidates:
    """What is stored of the images that may be chosen. Raises RunFailed where it cannot be read."""
    lists = without(candidate_lists(context, basis.cycle), _chosen_already(context))
    request = select_request(context, basis.cycle, 0)
    pool = read_pool(request, lists, context.config.state / "runs")
    return Candidates(basis=basis, lists=lists, pool=pool)


def preview_batch(context: Context, candidates: Candidates) -> BatchPreview:
    """The batch by the settings of the context. Nothing is written."""
    cycle, lists = candidates.basis.cycle, candidates.lists
    validation = 0 if cycle else len(_validation_to_label(context.store))
    n = min(batch_size(context, cycle, validation), len(lists.candidates))
    if n == 0:
        words = "the label budget is spent" if len(lists.candidates) else "no image is left"
        return BatchPreview(names={}, refused=words)
    distinct = _distinct(context, cycle, lists)
    known = lists.candidates if distinct is None else distinct
    try:
        picks = choose(select_request(context, cycle, n), candidates.pool, known)[:n]
    except MaskloopError as exc:
        return BatchPreview(names={}, refused=str(exc))
    found = _summary(context, candidates, picks)
    return replace(found, compared=distinct is not None)


def reading_context(config: Config, store: Store, now: datetime) -> Context:
    """A context in which nothing can be asked of a labeling tool, and no run be started."""
    unused = _Unused()
    return Context(
        config=config,
        store=store,
        connector=cast(Connector, unused),
        launcher=cast(Launcher, unused),
        now=lambda: now,
    )


class _Unused:
    """In the place of what a preview must not use."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"a preview asks nobody, and wanted {name}")


def _validation_to_label(store: Store) -> set[int]:
    return set(store.ids(Role.VALIDATION)) - store.labeled_ids()


def _chosen_already(context: Context) -> set[int]:
    last = context.store.last_cycle()
    return {pick.image_id for pick in context.store.picks(last.number)} if last else set()


def _distinct(context: Context, cycle: int, lists: IdLists) -> IdArray | None:
    """The candidates that are no near-duplicates: of the run that compared them, or computed here;
    None where the pool is too large for that."""
    run = context.run(cycle, f"{NEAR_DUPLICATES}-{Stage.SELECT}")
    limit = context.config.selection.duplicate_similarity
    if run.finished() and run.read_request(DistinctRequest).similarity == limit:
        return np.intersect1d(run.read_kept(), lists.compared)
    names = tuple(one.path.name for one in context.embedding_runs())
    ids, runs = lists.compared, context.config.state / "runs"
    if not len(ids):
        return NO_IDS
    width = read_embeddings(names, ids[:1], runs).shape[1]
    if len(ids) * (len(ids) / 2 + len(lists.asked)) * width > MOST_COMPARED:
        return None
    known = read_embeddings(names, lists.asked, runs) if len(lists.asked) else None
    kept = representatives(ids, read_embeddings(names, ids, runs), similarity=limit, known=known)
    return np.array(kept, dtype=np.int64)


def _summary(context: Context, candidates: Candidates, picks: Sequence[Pick]) -> BatchPreview:
    ids, pool = [pick.image_id for pick in picks], candidates.pool
    images, rows = context.store.images_of(ids), np.searchsorted(pool.ids, ids)
    found = BatchPreview(
        picks=picks,
        names={image_id: image.name for image_id, image in images.items()},
        nearest=nearest_similarity(None if pool.embeddings is None else pool.embeddings[rows]),
        minutes=minutes_of_labeling(context.store, len(picks)),
    )
    if pool.class_share is None:
        return found
    names, shares = candidates.basis.classes, pool.class_share[rows]  # (n, C)
    return replace(
        found,
        class_share=dict(zip(names, shares.mean(axis=0).astype(float).tolist(), strict=True)),
        holding=dict(zip(names, (shares >= LEAST_SHARE).sum(axis=0).tolist(), strict=True)),
    )


def nearest_similarity(embeddings: FloatArray | None) -> float | None:
    """Mean cosine similarity of each image of a batch to the most similar other one, in [-1, 1].

    embeddings: (n, D), rows of unit length. None for fewer than two images.
    """
    if embeddings is None or len(embeddings) < 2:
        return None
    rows = embeddings.astype(np.float64)
    products = rows @ rows.T
    np.fill_diagonal(products, -1.0)
    return float(products.max(axis=1).mean())


def minutes_of_labeling(store: Store, images: int) -> float | None:
    """Of labeling that many images, by the median time of work of past labels; None without any."""
    times = [label.lead_time_s for label in store.labels().values()]
    known = [time for time in times if time is not None and 0 < time <= LONGEST_S]
    return median(known) * images / 60 if known else None
