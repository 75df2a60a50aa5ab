"""Reads the store of a configuration at one moment, and says where the loop stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.insight.burndown import Burndown, burndown
from daemon.insight.curve import lines, serving_model
from daemon.insight.review_totals import review_totals
from daemon.rules.heartbeat import Liveness
from daemon.runs.run_folder import RunFolder
from daemon.stages.ending import EndSummary, read_end
from daemon.stages.image_intake import reading_progress
from daemon.stages.loop_facts import WAITING
from daemon.stages.pause import pause_reason
from daemon.stages.roles import EXCLUSION_TEXTS
from daemon.stages.unused_files import load_unused_files, no_unused_files
from daemon.status.model import (
    ExcludedImages,
    LabelBudget,
    LabelUses,
    LoopEnd,
    RunProgress,
    StageTime,
    Status,
    TaskCounts,
)
from daemon.status.model_health import DaemonState, DuplicateLabels, UnusedFiles
from daemon.status.snapshot_agreement import agreement_of_people, no_agreement
from daemon.status.snapshot_batch import (
    batch_progress,
    correction_totals,
    held_tasks,
    no_corrections,
    selection_regime,
)
from daemon.status.snapshot_curve import evaluated_cycles, image_comparison
from daemon.status.snapshot_health import (
    daemon_state,
    duplicate_labels,
    incidents,
    mask_notes,
    newest_events,
    quarantine,
    run_progress,
    settled_quarantine,
)
from daemon.status.snapshot_images import image_redundancy, validation_comparison
from daemon.store import FILE, Store
from daemon.store.counts import Counts, LabelCounts, counts_of

_RUN_STAGES = (Stage.EMBED, Stage.TRAIN, Stage.SCORE, Stage.SELECT, Stage.PREDICT)


def read_status(config: Config) -> Status:
    """Where the loop stands. Before the first `run` there is no store, and most of it is empty.

    Raises StoreTooNew and StoreTooOld for the store of another Maskloop, and sqlite3.Error for a
    damaged one.
    """
    path, now = config.state / FILE, datetime.now(UTC)
    if not path.exists():
        return _before_first_run(config, now)
    with Store(path, read_only=True) as store:
        store.require_current(path)
        with store.read_transaction():
            return _status(store, config, now)


def _status(store: Store, config: Config, now: datetime) -> Status:
    cycle, stage = _cycle_and_stage(store)
    counts = counts_of(store, config.loop.budget_labels)
    points, refused = store.curve(), store.refused_cycles()
    quarantined = store.quarantined()
    daemon = daemon_state(config.state, store.heartbeat(), now)
    return Status(
        cycle=cycle,
        stage=stage,
        waiting=store.fact(WAITING),
        paused=bool(pause_reason(store)),
        daemon=daemon,
        incidents=incidents(store),
        progress=_run_progress(config.state, cycle, stage) or _reading_progress(store, daemon),
        classes=config.classes.names,
        ended=_loop_end(read_end(store, config.loop.budget_labels)),
        labels=_label_budget(counts.labels),
        uses=_label_uses(counts.labels),
        images={role.value: n for role, n in counts.images.items() if n},
        tasks=_task_counts(counts),
        excluded=_excluded_images(store),
        redundancy=image_redundancy(store),
        validation_drift=validation_comparison(store),
        evaluations=evaluated_cycles(points, refused, store.lost_labels(), store.judged_models()),
        curve=tuple(lines(points, config.classes.names, refused)),
        newest=serving_model(points, refused, image_comparison(config.state)),
        batch=batch_progress(store, counts.batch),
        people=store.people(),
        held=held_tasks(store),
        burndown=_burndown(store, counts, now),
        regime=selection_regime(store),
        stages=_stage_times(store),
        quarantine=quarantine(quarantined),
        quarantine_settled=settled_quarantine(quarantined),
        **_label_facts(store, config),
        events=newest_events(store),
        left_out=UnusedFiles(**load_unused_files(store)),
    )


def _cycle_and_stage(store: Store) -> tuple[int | None, Stage | None]:
    last = store.last_cycle()
    return (last.number, last.stage) if last else (None, None)


def _label_facts(store: Store, config: Config) -> dict[str, Any]:
    """The fields of the status that say what is worth knowing of the labels."""
    return {
        "doubles": duplicate_labels(store),
        "reviews": review_totals(store.review_counts(), store.reviews_stopped()),
        "agreement": agreement_of_people(store, config),
        "corrections": correction_totals(store, config.classes.names),
        "notes": mask_notes(store),
    }


def _burndown(store: Store, counts: Counts, now: datetime) -> Burndown:
    return burndown(
        store.labels_by_day(),
        budget=max(0, counts.labels.total - counts.labels.second),
        spent=counts.labels.spent,
        open_tasks=counts.open,
        today=now.date(),
    )


def _before_first_run(config: Config, now: datetime) -> Status:
    budget = config.loop.budget_labels
    return Status(
        cycle=None,
        stage=None,
        waiting="the daemon has not run yet",
        paused=False,
        daemon=daemon_state(config.state, None, now),
        incidents=(),
        progress=None,
        classes=config.classes.names,
        ended=None,
        labels=LabelBudget(total=budget, spent=0, left=budget),
        uses=LabelUses(train=0, validation=0, unused=0),
        images={},
        tasks=TaskCounts(open=0, open_batch=0, open_earlier=0, being_sent=0, may_ask=0),
        excluded=(),
        redundancy=None,
        validation_drift=None,
        evaluations=(),
        curve=tuple(lines((), config.classes.names)),
        newest=None,
        batch=None,
        people={},
        held=(),
        burndown=burndown({}, budget=budget, spent=0, open_tasks=0, today=now.date()),
        regime=None,
        stages=(),
        quarantine=(),
        quarantine_settled=(),
        doubles=DuplicateLabels(images=0, listed=()),
        reviews=review_totals({}, ""),
        agreement=no_agreement(config),
        corrections=no_corrections({}),
        notes=(),
        events=(),
        left_out=UnusedFiles(**no_unused_files()),
    )


def _stage_times(store: Store) -> tuple[StageTime, ...]:
    return tuple(
        StageTime(
            cycle=time.cycle,
            stage=time.stage,
            started_at=time.started_at.isoformat(),
            finished_at=time.finished_at.isoformat() if time.finished_at else None,
            seconds=time.seconds,
        )
        for time in store.stage_times()
    )


def _run_progress(state: Path, cycle: int | None, stage: Stage | None) -> RunProgress | None:
    """How far the open run is; None where no process works in it."""
    if cycle is None or stage not in _RUN_STAGES:
        return None
    run = RunFolder(state / "runs" / f"{cycle:04d}-{stage}")
    comparison = RunFolder(state / "runs" / f"{cycle:04d}-near-duplicates-{stage}")  # of SELECT
    return run_progress(run) or run_progress(comparison)


def _reading_progress(store: Store, daemon: DaemonState) -> RunProgress | None:
    """How many new images are read; None where all are, or where no daemon reads them."""
    works = daemon.state in (Liveness.RUNNING, Liveness.SILENT)
    reading = reading_progress(store) if works else None
    return None if reading is None else RunProgress(**reading.model_dump())


def _label_budget(labels: LabelCounts) -> LabelBudget:
    second = {"second": labels.second} if labels.second else {}
    return LabelBudget(total=labels.total, spent=labels.spent, left=labels.left, **second)


def _label_uses(labels: LabelCounts) -> LabelUses:
    return LabelUses(train=labels.train, validation=labels.validation, unused=labels.unused)


def _task_counts(counts: Counts) -> TaskCounts:
    return TaskCounts(
        open=counts.open,
        open_batch=counts.open_batch,
        open_earlier=counts.open_earlier,
        being_sent=counts.being_sent,
        may_ask=counts.may_ask,
    )


def _loop_end(ended: EndSummary | None) -> LoopEnd | None:
    if ended is None:
        return None
    return LoopEnd(
        how=ended.ending,
        words=ended.sentence,
        cycles=ended.cycles,
        labels=ended.labels.spent,
        serving=ended.serving,
        miou=ended.evaluation.miou if ended.evaluation else None,
        miou_interval=ended.evaluation.miou_interval if ended.evaluation else None,
    )


def _excluded_images(store: Store) -> tuple[ExcludedImages, ...]:
    return tuple(
        ExcludedImages(why=why, images=count, words=EXCLUSION_TEXTS[why])
        for why, count in store.exclusion_counts().items()
    )
