"""Counts images, labels and tasks, for everything that decides by them or shows them.

The decision to begin a cycle, `maskloop status`, its JSON, the page and the log all read these, so
that they cannot differ; tests/integration/test_counts.py checks that they add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.domain import Role, Task, TaskState
from daemon.domain.second_labels import SecondLabelState
from daemon.store import Store


@dataclass(frozen=True, kw_only=True)
class LabelCounts:
    """Labels of the budget.

    total: the budget. left: never negative. spent: labeled images, each counted once; the sum of
    train (may train the model), validation (measure it) and unused (no pixel of them has a label,
    or their image is excluded). second: labels that a second person was asked for and gave; they
    cost budget too, and are no labels of the curve.
    """

    total: int
    spent: int
    second: int
    left: int
    train: int
    validation: int
    unused: int


@dataclass(frozen=True, kw_only=True)
class BatchCounts:
    """The images that the newest asking cycle asked for. images: how many, the sum of `states`.

    beyond_batch: how many of them were asked beyond the batch, without substitutes for dropped
    images. skipped_once: open images that somebody skipped, though not enough people to drop them.
    """

    cycle: int
    images: int
    states: Mapping[TaskState, int]
    beyond_batch: int
    skipped_once: int


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Images, labels and tasks of a store.

    images: by role. open: images that wait for annotators: open_batch of the newest batch,
    open_earlier of older ones, being_sent on their way to the labeling tool. candidates: images of
    the pool that are neither labeled nor asked. may_ask: how many of them may be asked now within
    the budget. new_labels: labels since the newest cycle began, never negative. second_open: second
    labels that somebody was asked for and has not given yet; the budget keeps a label for each.
    """

    images: Mapping[Role, int]
    labels: LabelCounts
    open: int
    open_batch: int
    open_earlier: int
    being_sent: int
    candidates: int
    may_ask: int
    new_labels: int
    second_open: int
    batch: BatchCounts | None


def counts_of(store: Store, budget_labels: int) -> Counts:
    """Count the images, labels and tasks of a store. budget_labels: [loop] budget_labels.

    Reads the ids of labeled and asked images only, never those of the whole pool.
    """
    roles, labeled = store.role_counts(), store.labeled_ids()
    last, tasks = store.last_cycle(), newest_batch(store)
    labels = _labels(store, labeled, budget_labels)
    asked, sent = _open_and_sent(store, labeled)
    batch = {task.image_id for task in tasks}
    taken = store.role_counts_of(labeled | store.queried_ids())
    candidates = roles.get(Role.POOL, 0) - taken[Role.POOL]
    seconds = store.second_label_counts()[SecondLabelState.OPEN]
    return Counts(
        images={role: roles.get(role, 0) for role in Role},
        labels=labels,
        open=len(asked | sent),
        open_batch=len(asked & batch),
        open_earlier=len(asked - batch),
        being_sent=len(sent - asked),
        candidates=candidates,
        may_ask=max(0, min(candidates, labels.left - len(asked | sent) - seconds)),
        second_open=seconds,
        new_labels=max(0, len(labeled) - (last.labels if last else 0)),
        batch=_batch(store, tasks, labeled) if tasks else None,
    )


def open_images(store: Store) -> set[int]:
    """Ids of the images that wait for annotators or are being sent to them."""
    asked, sent = _open_and_sent(store, store.labeled_ids())
    return asked | sent


def newest_batch(store: Store) -> list[Task]:
    """The tasks of the newest cycle that asked for images, by rank; empty before any."""
    last = store.last_cycle()
    for cycle in range(last.number if last else -1, -1, -1):
        if tasks := store.tasks_of_cycle(cycle):
            picks = [*store.picks(cycle), *store.reserve(cycle)]
            ranks = {pick.image_id: pick.rank for pick in picks}
            return sorted(tasks, key=lambda task: ranks.get(task.image_id, len(ranks)))
    return []


def spent_labels(store: Store) -> int:
    """Labels that the budget has paid: labeled images, and second labels that were asked for."""
    return len(store.labeled_ids()) + store.second_label_counts()[SecondLabelState.GIVEN]


def second_label_costs(store: Store) -> int:
    """Labels of the budget for second labels, given or waited for."""
    counts = store.second_label_counts()
    return counts[SecondLabelState.OPEN] + counts[SecondLabelState.GIVEN]


def state_of(task: Task, labeled: set[int]) -> TaskState:
    """The state of a task as people see it: that of a labeled image is labeled, even if its answer
    came after it was closed."""
    return TaskState.LABELED if task.image_id in labeled else task.state


def count_beyond_batch(store: Store, cycle: int) -> int:
    """How many images a cycle asked for beyond its batch, without dropped images and without as
    many others, which replace them."""
    return _count_beyond(store, store.tasks_of_cycle(cycle), store.labeled_ids())


def _count_beyond(store: Store, tasks: Sequence[Task], labeled: set[int]) -> int:
    """As `count_beyond_batch`, of the tasks of one cycle."""
    batch = {pick.image_id for pick in store.picks(tasks[0].cycle)} if tasks else set()
    pool = [task for task in tasks if not task.is_validation]
    beyond = sum(not is_dropped(task, labeled) for task in pool if task.image_id not in batch)
    dropped = sum(is_dropped(task, labeled) for task in pool if task.image_id in batch)
    return max(0, beyond - dropped)


def is_dropped(task: Task, labeled: set[int]) -> bool:
    """Whether this task is closed without an answer."""
    return state_of(task, labeled) not in (TaskState.OPEN, TaskState.LABELED)


def _open_and_sent(store: Store, labeled: set[int]) -> tuple[set[int], set[int]]:
    asked = {task.image_id for task in store.tasks(TaskState.OPEN)}
    return asked - labeled, store.pending_ids() - labeled


def _batch(store: Store, tasks: Sequence[Task], labeled: set[int]) -> BatchCounts:
    states = [state_of(task, labeled) for task in tasks]
    skipped = store.skip_counts()
    still_open = [
        task for task, state in zip(tasks, states, strict=True) if state is TaskState.OPEN
    ]
    return BatchCounts(
        cycle=tasks[0].cycle,
        images=len(tasks),
        states={state: states.count(state) for state in TaskState},
        beyond_batch=_count_beyond(store, tasks, labeled),
        skipped_once=sum(task.image_id in skipped for task in still_open),
    )


def _labels(store: Store, labeled: set[int], budget_labels: int) -> LabelCounts:
    informative = store.role_counts_of(store.informative_ids())
    train, validation = informative[Role.POOL], informative[Role.VALIDATION]
    second = store.second_label_counts()[SecondLabelState.GIVEN]
    return LabelCounts(
        total=budget_labels,
        spent=len(labeled),
        second=second,
        left=max(0, budget_labels - len(labeled) - second),
        train=train,
        validation=validation,
        unused=len(labeled) - train - validation,
    )
