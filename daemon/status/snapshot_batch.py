"""The newest batch of the status, and how much people changed of the predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.domain import CorrectedLabel, Image, Label, Task, TaskState
from daemon.insight.corrections import corrections, effort, mean_iou
from daemon.stages.selection_signals import read_regime
from daemon.status.model_batch import (
    BatchCorrections,
    BatchImage,
    BatchProgress,
    CorrectionTotals,
    HeldTask,
    SelectionRegime,
)
from daemon.status.remembered import Remembered
from daemon.store import Store
from daemon.store.counts import BatchCounts, newest_batch, state_of

_TOTALS: Remembered[CorrectionTotals] = Remembered()
NO_PREDICTION = "no prediction is known to have been shown"


def selection_regime(store: Store) -> SelectionRegime | None:
    """How the strategy chose the newest batch; None for one that has one way only."""
    found = read_regime(store)
    return None if found is None else SelectionRegime(**found)


def batch_progress(store: Store, counts: BatchCounts | None) -> BatchProgress | None:
    """The newest batch that was asked, and who labeled it, by rank; None before any."""
    if counts is None:
        return None
    states = counts.states
    return BatchProgress(
        cycle=counts.cycle,
        asked=counts.images,
        open=states[TaskState.OPEN],
        labeled=states[TaskState.LABELED],
        skipped=states[TaskState.SKIPPED],
        expired=states[TaskState.EXPIRED],
        deleted=states[TaskState.DELETED],
        unusable=states[TaskState.UNUSABLE],
        withdrawn=states[TaskState.WITHDRAWN],
        retired=states[TaskState.RETIRED],
        beyond_batch=counts.beyond_batch,
        skipped_once=counts.skipped_once,
        effort=_batch_corrections(store.corrected_labels_of(counts.cycle)),
        images=_batch_images(store),
    )


def held_tasks(store: Store) -> tuple[HeldTask, ...]:
    """The open tasks that somebody has begun, the oldest first."""
    drafts = store.drafts()
    tasks = {task.id: task for task in store.tasks(TaskState.OPEN)} if drafts else {}
    held = [(draft, tasks[draft.task]) for draft in drafts if draft.task in tasks]
    images = store.images_of(task.image_id for _, task in held)
    return tuple(
        HeldTask(
            image_id=task.image_id,
            image=images[task.image_id].name,
            task=task.id,
            annotator=draft.annotator,
            since=draft.since.isoformat(),
        )
        for draft, task in held
    )


def correction_totals(store: Store, class_names: Sequence[str]) -> CorrectionTotals:
    """How much of all predictions people changed (daemon/insight/corrections.py); computed when a
    label has changed."""
    key = (store.corrections_fingerprint(), tuple(class_names))
    return _TOTALS.value(key, lambda: _correction_totals(store, class_names))


def _correction_totals(store: Store, class_names: Sequence[str]) -> CorrectionTotals:
    unmeasured = {reason or NO_PREDICTION: n for reason, n in store.unmeasured_labels().items()}
    found = corrections(store.corrected_labels(), class_names)
    if found is None:
        return no_corrections(unmeasured)
    return CorrectionTotals(
        total=found.total,
        classes=found.classes,
        people=found.people,
        cycles=found.cycles,
        unmeasured=unmeasured,
    )


def no_corrections(unmeasured: Mapping[str, int]) -> CorrectionTotals:
    """The same where nobody has answered a prediction. unmeasured: why -> how many labels."""
    return CorrectionTotals(
        total=None, classes=None, people=None, cycles=None, unmeasured=unmeasured
    )


def _batch_images(store: Store) -> tuple[BatchImage, ...]:
    tasks = newest_batch(store)
    ids = [task.image_id for task in tasks]
    images, labels = store.images_of(ids), store.labels_of(ids)
    labeled = set(labels)
    return tuple(
        _batch_image(
            rank,
            task,
            state_of(task, labeled),
            images[task.image_id],
            labels.get(task.image_id),
        )
        for rank, task in enumerate(tasks, start=1)
    )


def _batch_image(
    rank: int, task: Task, state: TaskState, image: Image, label: Label | None
) -> BatchImage:
    return BatchImage(
        image_id=image.id,
        name=image.name,
        task=task.id,
        rank=rank,
        arm=task.arm,
        reason=task.words,
        state=state,
        since=(task.closed_at or task.asked_at).isoformat(),
        annotator=label.annotator if label else None,
        corrected=label.corrected if label else None,
    )


def _batch_corrections(labels: Sequence[CorrectedLabel]) -> BatchCorrections | None:
    if not labels:
        return None
    total = effort(labels)
    return BatchCorrections(
        images=total.images,
        changed_share=total.changed_share,
        iou=mean_iou(labels),
        lead_time_s=total.seconds_each,
    )
