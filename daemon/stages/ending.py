"""The end of the loop: one event with the final mIoU; open tasks are retired."""

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

ENDED = "ended"  # name of the stored fact: an `Ending`, "" while the loop continues


@dataclass(frozen=True, kw_only=True)
class EndSummary:
    """The state of the loop at its end.

    second_open: second labels that are not given yet. open: images that annotators may still label.
    cycles: number of trained cycles. serving: the cycle whose model serves, None without a model.
    evaluation: of that model on validation, None if it was not measured.
    """

    ending: Ending
    labels: LabelCounts
    second_open: int
    open: int
    cycles: int
    serving: int | None
    evaluation: Evaluation | None

    @property
    def sentence(self) -> str:
        """Why the loop ended, which model serves, and what makes the loop continue."""
        reason, cure = {
            Ending.BUDGET_SPENT: (
                f"the label budget is spent: {self._spent_text()} of {self.labels.total}",
                "raise [loop] budget_labels to continue",
            ),
            Ending.ALL_LABELED: (
                "every image of the pool is labeled or was dropped: "
                f"{count(self.labels.spent, 'label')}",
                "add images to continue",
            ),
            Ending.CYCLES_TRAINED: (
                f"{count(self.cycles, 'cycle')} trained, as --cycles asks: "
                f"{count(self.labels.spent, 'label')} given, {count(self.open, 'image')} open",
                "omit --cycles or raise it to continue",
            ),
        }[self.ending]
        return f"{reason}; {self._model_text()}; {cure}"

    def _spent_text(self) -> str:
        given = f"{self.labels.spent} labels"
        return f"{given} and {self._second} for second labels" if self._second else given

    @property
    def _second(self) -> int:
        """Labels of the budget that went, or are kept, for second labels."""
        return self.labels.second + self.second_open

    def _model_text(self) -> str:
        if self.serving is None:
            return "there was no label to train on"
        model = f"the model of cycle {self.serving} is the one to use"
        result = self.evaluation
        if result is None:
            return f"{model}, it was not measured"
        return f"{model}, {measured(result.miou, result.miou_interval, result.images)}"


def read_end(store: Store, budget_labels: int) -> EndSummary | None:
    """The state of the loop at its end; None while it continues."""
    value = store.fact(ENDED)
    return _summary(store, Ending(value), budget_labels) if value else None


def record_end(context: Context, ending: Ending) -> str:
    """Record once that the loop has ended, with an event; returns the sentence about it."""
    store = context.store
    sentence = _summary(store, ending, context.config.loop.budget_labels).sentence
    if store.fact(ENDED) != ending:
        with store.atomic():
            store.keep_fact(ENDED, ending)
            store.add_event("info", f"the loop has ended: {sentence}", context.now())
        log.info("the loop has ended: %s", sentence)
    return sentence


def clear_end(context: Context) -> None:
    """Record that the loop continues. Calling it twice changes nothing."""
    if context.store.fact(ENDED):
        context.store.keep_fact(ENDED, "")


def retire_open_tasks(context: Context) -> None:
    """Retire open tasks, since the budget is spent. Tasks of validation images stay open: their
    labels measure the model. Calling it twice changes nothing."""
    store = context.store
    tasks = [task.id for task in store.tasks(TaskState.OPEN) if not task.is_validation]
    if not tasks:
        return
    context.connector.retire(tasks)
    message = f"the label budget is spent: {count(len(tasks), 'open image')} withdrawn"
    with store.atomic():
        store.set_task_state(tasks, TaskState.RETIRED, context.now())
        store.add_event("info", message, context.now())
    log.info("%s", message)


def _summary(store: Store, ending: Ending, budget_labels: int) -> EndSummary:
    last = store.last_cycle()
    trained = last.number if last else 0
    serving = store.serving_after(trained) if trained else None
    evaluations = {point.cycle: point.validation for point in store.curve()}
    counts = counts_of(store, budget_labels)
    return EndSummary(
        ending=ending,
        labels=counts.labels,
        second_open=counts.second_open,
        open=counts.open,
        cycles=trained,
        serving=serving,
        evaluation=None if serving is None else evaluations.get(serving),
    )
