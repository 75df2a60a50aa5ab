"""The end of the loop: one event with the final figure; open tasks are taken back."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from daemon.domain import Evaluation, TaskState
from daemon.domain.formatting import count, measured
from daemon.rules.readiness import Ending
from daemon.stages.context import Context
from daemon.store import Store
from daemon.store.counts import LabelCounts, counts_of

log = logging.getLogger(__name__)

ENDED = "ended"  # the fact that says how, empty while the loop goes on


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The end of the loop. open: images that annotators may still label. cycles: how many were
    trained. serving: the cycle whose model serves, None without any. figure: of that model on
    validation, None where it was not measured."""

    how: Ending
    labels: LabelCounts
    open: int
    cycles: int
    serving: int | None
    figure: Evaluation | None

    @property
    def words(self) -> str:
        """One sentence: how it ended, which model serves, and what makes the loop go on."""
        happened, cure = {
            Ending.BUDGET_SPENT: (
                f"the label budget is spent: {self.labels.spent} labels of {self.labels.total}",
                "raise [loop] budget_labels to go on",
            ),
            Ending.ALL_LABELED: (
                "every image of the pool is labeled or was dropped: "
                f"{count(self.labels.spent, 'label')}",
                "add images to go on",
            ),
            Ending.CYCLES_TRAINED: (
                f"{count(self.cycles, 'cycle')} trained, as --cycles asks: "
                f"{count(self.labels.spent, 'label')} given, {count(self.open, 'image')} open",
                "leave --cycles out or raise it to go on",
            ),
        }[self.how]
        return f"{happened}; {self._model()}; {cure}"

    def _model(self) -> str:
        if self.serving is None:
            return "there was no label to train on"
        model = f"the model of cycle {self.serving} is the one to use"
        if self.figure is None:
            return f"{model}, it was not measured"
        found = self.figure
        return f"{model}, {measured(found.miou, found.miou_interval, found.images)}"


def read_end(store: Store, budget_labels: int) -> Ended | None:
    """How the loop ended, None while it goes on."""
    kept = store.fact(ENDED)
    return _end(store, Ending(kept), budget_labels) if kept else None


def record_end(context: Context, how: Ending) -> str:
    """Record that the loop has ended, with one event; the sentence about it."""
    store = context.store
    words = _end(store, how, context.config.loop.budget_labels).words
    if store.fact(ENDED) != how:
        with store.atomic():
            store.keep_fact(ENDED, how)
            store.add_event("info", f"the loop has ended: {words}", context.now())
        log.info("the loop has ended: %s", words)
    return words


def go_on(context: Context) -> None:
    """Record that the loop goes on. Calling it twice changes nothing."""
    if context.store.fact(ENDED):
        context.store.keep_fact(ENDED, "")


def retire_open_tasks(context: Context) -> None:
    """Take open tasks back, since the budget has no label left. Tasks of validation images stay:
    they measure the model. Calling it twice changes nothing."""
    store = context.store
    tasks = [task.id for task in store.tasks(TaskState.OPEN) if not task.measures]
    if not tasks:
        return
    context.connector.retire(tasks)
    words = f"the label budget is spent: {count(len(tasks), 'open image')} taken back"
    with store.atomic():
        store.set_task_state(tasks, TaskState.RETIRED, context.now())
        store.add_event("info", words, context.now())
    log.info("%s", words)


def _end(store: Store, how: Ending, budget_labels: int) -> Ended:
    last = store.last_cycle()
    trained = last.number if last else 0
    serving = store.serving(trained) if trained else None
    figures = {point.cycle: point.validation for point in store.curve()}
    counts = counts_of(store, budget_labels)
    return Ended(
        how=how,
        labels=counts.labels,
        open=counts.open,
        cycles=trained,
        serving=serving,
        figure=None if serving is None else figures.get(serving),
    )
