"""Every number of images, labels and tasks that anybody is shown, counted in this one place.

The decision to begin a cycle, `maskloop status`, its JSON, the page and the log all read these, so
that they cannot differ; tests/integration/test_counts.py checks that they add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.domain import Role, TaskState
from daemon.store import Store
from daemon.store.base import Row


@dataclass(frozen=True, kw_only=True)
class Labels:
    """spent: labeled images, each once, whoever labeled them. They are made up of train (may teach
    the model), validation (measure it) and unused: no pixel of them has a label, or their image is
    left out. left: of the budget, never negative.
    """

    total: int
    spent: int
    left: int
    train: int
    validation: int
    unused: int


@dataclass(frozen=True, kw_only=True)
class BatchCounts:
    """The newest cycle that asked anybody. images: how many it asked; `states` adds up to it.

    ahead: how many of them were asked beyond the batch, and are no stand-ins. skipped_once: open
    images that somebody skipped, though not enough people to drop them.
    """

    cycle: int
    images: int
    states: Mapping[TaskState, int]
    ahead: int
    skipped_once: int


@dataclass(frozen=True, kw_only=True)
class Counts:
    """images: by role. open: images that wait for annotators: open_batch of the newest batch,
    open_earlier of older ones, being_sent on their way to the labeling tool. candidates: images
    of the pool that are neither labeled nor asked. may_ask: how many of them the budget allows to
    be asked now. new_labels: labels more than the newest cycle began with, never negative.
    """

    images: Mapping[Role, int]
    labels: Labels
    open: int
    open_batch: int
    open_earlier: int
    being_sent: int
    candidates: int
    may_ask: int
    new_labels: int
    batch: BatchCounts | None


def counts_of(store: Store, budget_labels: int) -> Counts:
    """Count what the store holds. budget_labels: [loop] budget_labels."""
    images, labeled = store.ids_by_role(), store.labeled_ids()
    last, rows = store.last_cycle(), newest_batch(store)
    labels = _labels(images, labeled, store.telling_ids(), budget_labels)
    asked, sent = _open_and_sent(store, labeled)
    mine = {row["image_id"] for row in rows}
    free = images[Role.POOL] - labeled - store.asked_ids()
    return Counts(
        images={role: len(ids) for role, ids in images.items()},
        labels=labels,
        open=len(asked | sent),
        open_batch=len(asked & mine),
        open_earlier=len(asked - mine),
        being_sent=len(sent - asked),
        candidates=len(free),
        may_ask=max(0, min(len(free), labels.left - len(asked | sent))),
        new_labels=max(0, len(labeled) - (int(last["labels"]) if last else 0)),
        batch=_batch(store, rows, labeled) if rows else None,
    )


def open_images(store: Store) -> set[int]:
    """The images that wait for annotators, and those on their way to them."""
    asked, sent = _open_and_sent(store, store.labeled_ids())
    return asked | sent


def newest_batch(store: Store) -> list[Row]:
    """The tasks of the newest cycle that asked anybody, in the order of its ranks: what was picked
    first, first. Empty before any."""
    last = store.last_cycle()
    for cycle in range(int(last["id"]) if last else -1, -1, -1):
        if rows := store.tasks_of_cycle(cycle):
            picks = [*store.picks(cycle), *store.reserve(cycle)]
            ranks = {pick.image_id: pick.rank for pick in picks}
            return sorted(rows, key=lambda row: ranks.get(row["image_id"], len(ranks)))
    return []


def state_of(row: Row, labeled: set[int]) -> TaskState:
    """Where a question stands, for people: an image that is labeled is labeled, also where the
    answer came after its task was closed."""
    return TaskState.LABELED if row["image_id"] in labeled else TaskState(row["state"])


def beyond_batch(store: Store, cycle: int) -> int:
    """How many images a cycle has asked beyond its batch, dropped ones and stand-ins left out."""
    batch, labeled = {pick.image_id for pick in store.picks(cycle)}, store.labeled_ids()
    rows = [row for row in store.tasks_of_cycle(cycle) if row["arm"] != "validation"]
    beyond = sum(not is_dropped(row, labeled) for row in rows if row["image_id"] not in batch)
    dropped = sum(is_dropped(row, labeled) for row in rows if row["image_id"] in batch)
    return max(0, beyond - dropped)


def is_dropped(row: Row, labeled: set[int]) -> bool:
    """Whether nobody has answered this question, and nobody will."""
    return state_of(row, labeled) not in (TaskState.OPEN, TaskState.LABELED)


def _open_and_sent(store: Store, labeled: set[int]) -> tuple[set[int], set[int]]:
    asked = {row["image_id"] for row in store.tasks(TaskState.OPEN)} - labeled
    questions = [question for intent in store.pending_intents() for question in intent.questions]
    return asked, {question.image_id for question in questions} - labeled


def _batch(store: Store, rows: Sequence[Row], labeled: set[int]) -> BatchCounts:
    states = [state_of(row, labeled) for row in rows]
    skipped = store.skip_counts()
    still_open = [row for row, state in zip(rows, states, strict=True) if state is TaskState.OPEN]
    cycle = int(rows[0]["cycle"])
    return BatchCounts(
        cycle=cycle,
        images=len(rows),
        states={state: states.count(state) for state in TaskState},
        ahead=beyond_batch(store, cycle),
        skipped_once=sum(row["image_id"] in skipped for row in still_open),
    )


def _labels(
    images: Mapping[Role, set[int]], labeled: set[int], telling: set[int], budget_labels: int
) -> Labels:
    train = len(images[Role.POOL] & telling)
    validation = len(images[Role.VALIDATION] & telling)
    return Labels(
        total=budget_labels,
        spent=len(labeled),
        left=max(0, budget_labels - len(labeled)),
        train=train,
        validation=validation,
        unused=len(labeled) - train - validation,
    )
