"""Where the loop stands, as one dict: `status --json`, the page and its JSON twin show the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.config.loading import Config
from daemon.domain import CorrectedLabel, CurvePoint, Evaluation, Image, Stage, TaskState
from daemon.insight.corrections import corrections, mean_iou, work
from daemon.insight.missing_figures import headline, interval_words, words_of
from daemon.loop.tick import WAITING
from daemon.runs.folder import RunFolder
from daemon.stages.ending import Ended, read_end
from daemon.stages.image_intake import reading_progress
from daemon.stages.roles import EXCLUDED_WORDS
from daemon.stages.unused_files import kept_left_out, none_left_out
from daemon.status.liveness import incident_rows, liveness, running_progress
from daemon.store import FILE, SETTLED, LostLabels, Store
from daemon.store.base import Row
from daemon.store.counts import BatchCounts, Labels, counts_of, newest_batch, state_of

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
        with store.one_moment():
            return _of_store(store, config)


def _of_store(store: Store, config: Config) -> dict[str, Any]:
    last = store.last_cycle()
    counts = counts_of(store, config.loop.budget_labels)
    ended = read_end(store, config.loop.budget_labels)
    return {
        "cycle": last["id"] if last else None,
        "stage": last["stage"] if last else None,
        "waiting": store.fact(WAITING),
        "daemon": liveness(config.state, store.heartbeat(), datetime.now(UTC)),
        "incidents": incident_rows(store),
        "progress": _progress(store, config.state, last),
        "classes": list(config.classes.names),
        "ended": None if ended is None else _ended(ended),
        "labels": _labels(counts.labels),
        "uses": {name: getattr(counts.labels, name) for name in _USES},
        "images": {role.value: n for role, n in counts.images.items() if n},
        "tasks": {name: getattr(counts, name) for name in _TASKS},
        "excluded": _excluded(store),
        "evaluations": _evaluations(store),
        "batch": _batch(store, counts.batch),
        "stages": store.stage_times(),
        **_quarantine(store.quarantined()),
        "doubles": _doubles(store),
        "corrections": _corrections(store, config),
        "notes": store.noted(),
        "events": store.events(),
        "left_out": kept_left_out(store),
    }


def _excluded(store: Store) -> list[dict[str, Any]]:
    """How many images are left out, by reason."""
    return [
        {"why": why.value, "images": count, "words": EXCLUDED_WORDS[why]}
        for why, count in store.exclusion_counts().items()
    ]


def _doubles(store: Store) -> dict[str, Any]:
    """How many images several people labeled, and the newest of them with whose label counts."""
    rows = store.doubles()
    authors = store.label_authors() if rows else {}
    listed = [row | {"annotator": authors[row["image_id"]]["annotator"]} for row in rows]
    return {"images": len(rows), "listed": listed[: -LISTED_DOUBLES - 1 : -1]}


def _quarantine(rows: Sequence[Row]) -> dict[str, Sequence[Row]]:
    """What could not be used, and apart what was mended or replaced since."""
    settled = [row for row in rows if row["state"] in SETTLED]
    return {
        "quarantine": _newest([row for row in rows if row["state"] not in SETTLED]),
        "quarantine_settled": settled,
    }


def _newest(rows: Sequence[Row]) -> list[Row]:
    """Of answers about one image with the same trouble the newest alone, which is the first: an
    image that was asked again and again is one fault."""
    first: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        same = row["place"] if row["image_id"] is None else row["image_id"]
        first.setdefault((same, row["got"], row["cure"]), row)
    return list(first.values())


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
        "left_out": none_left_out(),
    }


def _labels(labels: Labels) -> dict[str, int]:
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


def _progress(store: Store, state: Path, last: Row | None) -> dict[str, Any] | None:
    """Of the run that works now, else of the images that are being read."""
    if last is not None and last["stage"] in _RUN_STAGES:
        run = RunFolder(state / "runs" / f"{last['id']:04d}-{last['stage']}")
        if (progress := running_progress(run)) is not None:
            return progress
    reading = reading_progress(store)
    return None if reading is None else reading.model_dump(mode="json")


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
    images = {image.id: image for image in store.images()}
    authors, labeled = store.label_authors(), store.labeled_ids()
    return {
        "cycle": counts.cycle,
        "asked": counts.images,
        **{state.value: n for state, n in counts.states.items()},
        "ahead": counts.ahead,
        "skipped_once": counts.skipped_once,
        "effort": _effort(store.corrected_labels_of(counts.cycle)),
        "images": [
            _asked(rank, row, state_of(row, labeled), images[row["image_id"]], authors)
            for rank, row in enumerate(newest_batch(store), start=1)
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
    rank: int, row: Row, state: TaskState, image: Image, authors: dict[int, Row]
) -> dict[str, Any]:
    """rank: 1-based place in the batch, in the order in which it was chosen; it never changes."""
    author = authors.get(image.id)
    return {
        "image_id": image.id,
        "name": image.name,
        "task": row["task"],
        "rank": rank,
        "arm": row["arm"],
        "reason": row["reason"],
        "state": state.value,
        "since": row["closed_at"] or row["asked_at"],
        "annotator": author["annotator"] if author else None,
        "corrected": None if author is None else author["corrected"],
    }
