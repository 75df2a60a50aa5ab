"""What is measured of the images once they are embedded: how redundant they are, and whether those
that arrived after the validation draw are still like the validation images."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass

import numpy as np

from daemon.domain import Role
from daemon.domain.formatting import count
from daemon.rules.redundancy import redundancy
from daemon.rules.validation_drift import ValidationDrift, validation_drift
from daemon.rules.validation_split import stack_embeddings
from daemon.stages.context import Context
from daemon.stages.roles import OTHER_EXCLUSIONS
from daemon.store import Store
from strategies.distances import one_thread

log = logging.getLogger(__name__)

REDUNDANCY = "pool_redundancy"  # names of stored facts
DRIFT = "validation_drift"
DRAWN_UP_TO = "validation_drawn_up_to"  # the highest id of an image at the draw
MOST_COMPARED = 5000  # images of either side


@dataclass(frozen=True, kw_only=True)
class PoolRedundancy:
    """images, sampled: counts; near_duplicates: share in [0, 1] of the images that look like
    another one; intrinsic_dimension: None where it cannot be told (daemon/rules/redundancy.py)."""

    images: int
    sampled: int
    near_duplicates: float
    intrinsic_dimension: float | None

    def words(self) -> str:
        """As a sentence's middle, for log, terminal and page."""
        dimension = self.intrinsic_dimension
        known = "" if dimension is None else f"; intrinsic dimension {dimension:.1f}"
        return (
            f"{100 * self.near_duplicates:.0f} % of {count(self.images, 'image')} look like "
            f"another one{known}"
        )


def measure_pool(context: Context) -> None:
    """Measure the redundancy of the images once, and drift whenever images were added since the
    draw. Twice changes nothing."""
    store = context.store
    if store.fact(REDUNDANCY) is None:
        _keep_redundancy(context)
    if store.fact(DRAWN_UP_TO) is None:  # the draw, or the first time since an earlier release
        ids = [image.id for image in store.images()]
        store.keep_fact(DRAWN_UP_TO, str(max(ids, default=0)))
    _keep_drift(context)


def read_redundancy(store: Store) -> PoolRedundancy | None:
    """The redundancy of the images; None before they were embedded."""
    text = store.fact(REDUNDANCY)
    return PoolRedundancy(**json.loads(text)) if text else None


def read_drift(store: Store) -> ValidationDrift | None:
    """The newest comparison with validation; None before enough images were added."""
    text = store.fact(DRIFT)
    return ValidationDrift(**json.loads(text)) if text else None


def drift_words(drift: ValidationDrift) -> str:
    """What was found, as a sentence, with what to do where it matters."""
    added = count(drift.added, "image")
    numbers = (
        f"{100 * drift.far:.0f} % of {added} added since the validation draw are farther from "
        f"validation than 95 % of the earlier ones (5 % expected, p = {drift.p:.2g})"
    )
    if not drift.drifted:
        return f"no validation drift: {numbers}"
    return (
        f"validation drift: {numbers}; the mIoU on validation says less of the images that are "
        f"there now; measure on test images of the new kind ([test]), or begin a new loop with a "
        f"new draw"
    )


def _keep_redundancy(context: Context) -> None:
    store, table = context.store, context.embeddings()
    unused = {i for i, why in store.excluded().items() if why in OTHER_EXCLUSIONS}
    ids = [image.id for image in store.images() if image.id in table and image.id not in unused]
    if len(ids) < 2:
        return
    with one_thread():  # so that the result does not depend on the number of cores
        found = redundancy(
            np.array(ids, dtype=np.int64),
            stack_embeddings(ids, table),
            similarity=context.config.selection.duplicate_similarity,
            rng=np.random.default_rng(context.config.selection.seed),
        )
    kept = PoolRedundancy(
        images=found.images,
        sampled=found.sampled,
        near_duplicates=found.near_duplicates,
        intrinsic_dimension=found.intrinsic_dimension,
    )
    with store.atomic():
        store.keep_fact(REDUNDANCY, json.dumps(asdict(kept)))
        store.add_event("info", f"the images: {kept.words()}", context.now())
    log.debug("the images: %s", kept.words())


def _keep_drift(context: Context) -> None:
    store, table = context.store, context.embeddings()
    last = int(store.fact(DRAWN_UP_TO) or 0)
    by_role = {role: [i for i in store.ids(role) if i in table] for role in Role}
    pool, drawn = by_role[Role.POOL], by_role[Role.VALIDATION]
    added, earlier = [i for i in pool if i > last], [i for i in pool if i <= last]
    before = read_drift(store)
    if not added or (before and before.added == len(added)):
        return
    found = validation_drift(
        *(stack_embeddings(_spread(ids), table) for ids in (drawn, earlier, added))
    )
    if found is None:
        return
    with store.atomic():
        store.keep_fact(DRIFT, json.dumps(asdict(found)))
        if found.drifted != (before is not None and before.drifted):
            _log_event(context, drift_words(found))


def _spread(ids: list[int]) -> list[int]:
    """At most 5000 of the ids, evenly over their order."""
    rows = np.linspace(0, len(ids) - 1, min(len(ids), MOST_COMPARED))
    return [ids[round(float(row))] for row in rows]


def _log_event(context: Context, message: str) -> None:
    log.info("%s", message)
    context.store.add_event("info", message, context.now())
