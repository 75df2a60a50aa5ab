"""Where the loop stands, as one dict: `status --json`, the page and its JSON twin show the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.config.loading import Config
from daemon.domain import (
    CorrectedLabel,
    CurvePoint,
    Cycle,
    Evaluation,
    Image,
    Label,
    LostLabels,
    Stage,
    Task,
    TaskState,
)
from daemon.insight.corrections import corrections, mean_iou, work
from daemon.insight.missing_figures import headline, interval_words, words_of
from daemon.loop.tick import WAITING
from daemon.runs.folder import RunFolder
from daemon.stages.ending import Ended, read_end
from daemon.stages.roles import EXCLUDED_WORDS
from daemon.stages.unused_files import kept_unused_files, no_unused_files
from daemon.status.json_rows import event_row, notes_row, quarantine_rows, stage_row
from daemon.status.liveness import incident_rows, liveness, running_progress
from daemon.store import FILE, Store
from daemon.store.counts import BatchCounts, LabelCounts, counts_of, newest_batch, state_of

LISTED_DOUBLES = 50
NO_PREDICTION = "no prediction is known to have been shown"
_USES = ("train", "validation", "unused")  # what labels are for
_TASKS = ("open", "open_batch", "open_earlier", "being_sent", "may_ask")
_RUN_STAGES = (Stage.EMBED, Stage.TRAIN, Stage.SCORE, Stage.SELECT, Stage.PREDICT)


def snapshot(config: Config) -> dict[str, Any]:
    """Read the store of a configuration and say where the loop stands.

    Before the first `run` there is no store: the same keys come with nothing in them.
    """
    path = config.state / FILE
    if not path.exists():
        return _empty(config)
    with Store(path, read_only=True) as store:
        store.require_current(path)
        with store.read_transaction():
            return _of_store(store, config)


def _of_store(store: Store, config: Config) -> dict[str, Any]:
    last = store.last_cycle()
    counts = counts_of(store, config.loop.budget_labels)
    ended = read_end(store, config.loop.budget_labels)
    return {
        "cycle": last.number if last else None,
        "stage": last.stage.value if last else None,
        "waiting": store.fact(WAITING),
        "daemon": liveness(config.state, store.heartbeat(), datetime.now(UTC)),
        "incidents": incident_rows(store),
        "progress": _progress(config.state, last),
        "classes": list(config.classes.names),
        "ended": None if ended is None else _ended(ended),
        "labels": _labels(counts.labels),
        "uses": {name: getattr(counts.labels, name) for name in _USES},
        "images": {role.value: n for role, n in counts.images.items() if n},
        "tasks": {name: getattr(counts, name) for name in _TASKS},
        "excluded": _excluded(store),
        "evaluations": _evaluations(store),
        "batch": _batch(store, counts.batch),
        "stages": [stage_row(time) for time in store.stage_times()],
        **quarantine_rows(store.quarantined()),
        "doubles": _doubles(store),
        "corrections": _corrections(store, config),
        "notes": [notes_row(notes) for notes in store.annotation_notes()],
        "events": [event_row(event) for event in store.events()],
        "left_out": kept_unused_files(store),
    }


def _excluded(store: Store) -> list[dict[str, Any]]:
    """How many images are left out, by reason."""
    return [
        {"why": why.value, "images": count, "words": EXCLUDED_WORDS[why]}
        for why, count in store.exclusion_counts().items()
    ]


def _doubles(store: Store) -> dict[str, Any]:
    """How many images several people labeled, and the newest of them with whose label counts."""
    found = store.duplicate_labels()
    labels = store.labels() if found else {}
    listed = [
        {
            "image_id": one.image_id,
            "image": one.image_name,
            "people": one.people,
            "answers": one.answers,
            "annotator": labels[one.image_id].annotator,
        }
        for one in found
    ]
    return {"images": len(found), "listed": listed[: -LISTED_DOUBLES - 1 : -1]}


def _empty(config: Config) -> dict[str, Any]:
    budget = config.loop.budget_labels
    return {
        "cycle": None,
        "stage": None,
        "waiting": "the daemon has not run yet",
        "daemon": liveness(config.state, None, datetime.now(UTC)),
        "incidents": [],
        "progress": None,
        "classes": list(config.classes.names),
        "ended": None,
        "labels": {"total": budget, "spent": 0, "left": budget},
        "uses": dict.fromkeys(_USES, 0),
        "images": {},
        "tasks": dict.fromkeys(_TASKS, 0),
        "excluded": [],
        "evaluations": [],
        "batch": None,
        "stages": [],
        "quarantine": [],
        "quarantine_settled": [],
        "doubles": {"images": 0, "listed": []},
        "corrections": {"unmeasured": {}} | dict.fromkeys(("total", "classes", "people", "cycles")),
        "notes": [],
        "events": [],
        "left_out": no_unused_files(),
    }


def _labels(labels: LabelCounts) -> dict[str, int]:
    return {"total": labels.total, "spent": labels.spent, "left": labels.left}


def _ended(ended: Ended) -> dict[str, Any]:
    """How the loop ended, with the final figure."""
    figure = ended.figure
    return {
        "how": ended.how.value,
        "words": ended.words,
        "cycles": ended.cycles,
        "labels": ended.labels.spent,
        "serving": ended.serving,
        "miou": figure.miou if figure else None,
        "miou_interval": figure.miou_interval if figure else None,
    }


def _progress(state: Path, last: Cycle | None) -> dict[str, Any] | None:
    if last is None or last.stage not in _RUN_STAGES:
        return None
    return running_progress(RunFolder(state / "runs" / f"{last.number:04d}-{last.stage}"))


def _evaluations(store: Store) -> list[dict[str, Any]]:
    """The points of the curve, each with how many of its labels count no more. serving: the cycle
    whose model serves after this one, in the place of a model that was refused."""
    lost, none = store.lost_labels(), LostLabels(deleted=0, unconfirmed=0)
    refused = store.refused_cycles()
    return [
        _evaluation(point, lost.get(point.cycle, none))
        | {
            "refused": point.cycle in refused,
            "serving": refused.get(point.cycle, point.cycle),
        }
        for point in store.curve()
    ]


def _evaluation(point: CurvePoint, lost: LostLabels) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "labels_deleted": lost.deleted,
        "labels_unconfirmed": lost.unconfirmed,
        "cycle": point.cycle,
        "labels": point.labels,
        "train_labels": point.train_labels,
        "seconds": point.seconds,
    }
    return entry | _measured("", point.validation) | _measured("test_", point.test)


def _measured(prefix: str, evaluation: Evaluation | None) -> dict[str, Any]:
    if evaluation is None:
        no_figures: dict[str, Any] = {"miou": None, "iou": {}, "miou_interval": None}
        return {} if prefix else no_figures | {"missing": {}, "remarks": []}
    return {
        f"{prefix}miou": evaluation.miou,
        f"{prefix}iou": dict(evaluation.iou),
        f"{prefix}miou_interval": evaluation.miou_interval,
        f"{prefix}images": evaluation.images,
        f"{prefix}interval_coverage": evaluation.interval_coverage,
        f"{prefix}interval_groups": evaluation.interval_groups,
        f"{prefix}interval_words": interval_words(evaluation),
        f"{prefix}missing": {
            name: {"why": one.why.value, "words": words_of(one)}
            for name, one in evaluation.missing.items()
        },
        f"{prefix}remarks": headline(evaluation),
        **{f"{prefix}{name}": value for name, value in _more(evaluation).items()},
    }


def _more(evaluation: Evaluation) -> dict[str, Any]:
    """What was measured beside IoU; parts that were not are left out."""
    calibration = evaluation.calibration
    found = {
        "image_miou": evaluation.image_miou,
        "boundary_iou": dict(evaluation.boundary_iou),
        "confusion": [list(row) for row in evaluation.confusion],
        "calibration": None if calibration is None else asdict(calibration),
    }
    return {name: value for name, value in found.items() if value not in (None, {}, [])}


def _batch(store: Store, counts: BatchCounts | None) -> dict[str, Any] | None:
    """The newest batch that was asked, and who answered it, by rank."""
    if counts is None:
        return None
    tasks = newest_batch(store)
    images = store.images_of(task.image_id for task in tasks)
    labels, labeled = store.labels(), store.labeled_ids()
    return {
        "cycle": counts.cycle,
        "asked": counts.images,
        **{state.value: n for state, n in counts.states.items()},
        "ahead": counts.ahead,
        "skipped_once": counts.skipped_once,
        "effort": _effort(store.corrected_labels_of(counts.cycle)),
        "images": [
            _asked(rank, task, state_of(task, labeled), images[task.image_id], labels)
            for rank, task in enumerate(tasks, start=1)
        ],
    }


def _corrections(store: Store, config: Config) -> dict[str, Any]:
    """How much of all predictions people corrected (daemon/insight/corrections.py), None in each
    part where no prediction was; and why it is not known of the other labels, with how many."""
    found = corrections(store.corrected_labels(), config.classes.names)
    parts = ("total", "classes", "people", "cycles")
    words = {reason or NO_PREDICTION: n for reason, n in store.unmeasured_labels().items()}
    if found is None:
        return dict.fromkeys(parts) | {"unmeasured": words}
    return {part: asdict(found)[part] for part in parts} | {"unmeasured": words}


def _effort(labels: Sequence[CorrectedLabel]) -> dict[str, Any] | None:
    """How much of the predictions people changed, on average; None where none was shown.

    changed_share: mean over images, in [0, 1]. iou: class -> mean over the images that hold it.
    lead_time_s: median seconds of work, None where the tool measured none.
    """
    if not labels:
        return None
    total = work(labels)
    return {
        "images": total.images,
        "changed_share": total.changed_share,
        "iou": mean_iou(labels),
        "lead_time_s": total.seconds_each,
    }


def _asked(
    rank: int, task: Task, state: TaskState, image: Image, labels: Mapping[int, Label]
) -> dict[str, Any]:
    """rank: 1-based place in the batch, in the order in which it was chosen; it never changes."""
    label = labels.get(image.id)
    return {
        "image_id": image.id,
        "name": image.name,
        "task": task.id,
        "rank": rank,
        "arm": task.arm,
        "reason": task.words,
        "state": state.value,
        "since": (task.closed_at or task.asked_at).isoformat(),
        "annotator": label.annotator if label else None,
        "corrected": None if label is None or label.corrected is None else int(label.corrected),
    }
