"""Statuses as daemon/status/snapshot.py makes them, at five moments of a loop."""

from __future__ import annotations

from datetime import date
from typing import Any

from daemon.domain import CurvePoint, Evaluation, Exclusion, Stage, TaskState
from daemon.insight.burndown import Burndown, burndown
from daemon.insight.corrections import ClassEffort, CorrectionEffort
from daemon.insight.curve import lines, serving_model
from daemon.insight.model_difference import ModelDifference, ModelVerdict
from daemon.insight.review_totals import review_totals
from daemon.rules.heartbeat import Liveness
from daemon.status.model import (
    ExcludedImages,
    LabelBudget,
    LabelUses,
    RunProgress,
    StageTime,
    Status,
    TaskCounts,
)
from daemon.status.model_batch import (
    BatchCorrections,
    BatchImage,
    BatchProgress,
    CorrectionTotals,
    HeldTask,
    SelectionRegime,
)
from daemon.status.model_health import (
    DaemonState,
    DuplicateLabel,
    DuplicateLabels,
    Event,
    MaskNote,
    QuarantinedInput,
    UnusedFiles,
)
from daemon.status.model_images import ImageRedundancy, ValidationComparison
from daemon.status.snapshot_batch import no_corrections
from daemon.status.snapshot_curve import evaluated_cycles
from tests.fakes.agreements import agreement_on

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>.png"
CLASSES = ("soil", "crop", "weed")
LABELS = [32, 48, 64, 80]
MIOU = [0.523, 0.611, 0.668, 0.702]
UNCLEAR = ModelDifference(
    verdict=ModelVerdict.UNCLEAR,
    words="not clear yet which is better",
    difference=0.034,
    interval=(-0.01, 0.07),
    images=16,
)


def status(points: int, classes: tuple[str, ...] = CLASSES, **changes: Any) -> Status:
    """After `points` trained cycles (0 to 4); with 0 the daemon has not run yet.

    changes: fields of the status with other values.
    """
    before = _before_first_run(classes)
    after = before.model_copy(update=_running(points, classes)) if points else before
    return after.model_copy(update=changes)


def of_points(points: list[CurvePoint], classes: tuple[str, ...] = CLASSES) -> dict[str, Any]:
    """The fields of a status that are made from the points of the curve."""
    return {
        "evaluations": evaluated_cycles(points, {}, {}),
        "curve": tuple(lines(points, classes)),
        "newest": serving_model(points, compare=lambda before, after: UNCLEAR),
    }


def curve_point(position: int, classes: tuple[str, ...] = CLASSES) -> CurvePoint:
    """One of the four points of the curve, by position from 0 on."""
    miou = MIOU[position]
    iou: dict[str, float | None] = dict.fromkeys(classes, miou)
    iou[classes[-1]] = None if position == 0 else miou - 0.2
    return CurvePoint(
        cycle=position + 1,
        labels=LABELS[position],
        train_labels=LABELS[position] - 16,
        seconds=142.0,
        validation=Evaluation(
            images=16,
            miou=miou,
            iou=iou,
            miou_interval=(miou - 0.04, miou + 0.03),
            interval_coverage=0.961,
        ),
        test=Evaluation(images=40, miou=miou - 0.02, iou={}),
    )


def _before_first_run(classes: tuple[str, ...]) -> Status:
    return Status(
        cycle=None,
        stage=None,
        waiting="the daemon has not run yet",
        paused=False,
        daemon=_daemon(Liveness.NEVER, "the daemon has not run yet: start `maskloop run`"),
        incidents=(),
        progress=None,
        classes=classes,
        ended=None,
        labels=LabelBudget(total=96, spent=0, left=96),
        uses=LabelUses(train=0, validation=0, unused=0),
        tasks=TaskCounts(open=0, open_batch=0, open_earlier=0, being_sent=0, may_ask=0),
        images={},
        excluded=(),
        redundancy=None,
        validation_drift=None,
        batch=None,
        people={},
        held=(),
        burndown=burndown({}, budget=96, spent=0, open_tasks=0, today=date(2026, 11, 22)),
        regime=None,
        stages=(),
        quarantine=(),
        quarantine_settled=(),
        doubles=DuplicateLabels(images=0, listed=()),
        reviews=review_totals({}, ""),
        agreement=agreement_on(0, classes),
        corrections=no_corrections({}),
        notes=(),
        events=(),
        left_out=UnusedFiles(missed=0, counts={}, named=()),
        **of_points([], classes),
    )


def _running(points: int, classes: tuple[str, ...]) -> dict[str, Any]:
    spent = LABELS[points - 1]
    group = "share a group with validation images"
    return {
        "cycle": points,
        "stage": Stage.TRAIN,
        "waiting": "a training runs",
        "paused": False,
        "daemon": _daemon(Liveness.RUNNING, ""),
        "progress": RunProgress(
            phase="student",
            step=312,
            steps=800,
            eta_s=97.2,
            seconds_per_step=0.2,
            losses={"loss": 0.31},
        ),
        "labels": LabelBudget(total=96, spent=spent, left=96 - spent),
        "tasks": TaskCounts(open=3, open_batch=3, open_earlier=0, being_sent=0, may_ask=0),
        "excluded": (ExcludedImages(why=Exclusion.GROUP, images=3, words=group),),
        "redundancy": ImageRedundancy(
            images=783,
            near_duplicates=0.24,
            intrinsic_dimension=12.4,
            words="24 % of 783 images look like another one; intrinsic dimension 12.4",
        ),
        "validation_drift": ValidationComparison(
            added=90, far=0.31, p=0.0004, drifted=True, words="validation drift: 31 % of 90 images"
        ),
        "batch": _batch(points),
        "people": {"2": "Bo Lark"},
        "held": (_held(),),
        "burndown": _burndown(spent),
        "regime": SelectionRegime(
            cycle=points,
            strategy="auto",
            name="refine",
            why="'weed', the rarest class, is in 9 labeled images: uncertain images",
            measures={"labels_of_rarest_class": 9.0},
        ),
        "stages": (_stage_time(points),),
        "quarantine": (fault(),),
        "doubles": DuplicateLabels(images=1, listed=(_duplicate(),)),
        "corrections": _corrections(classes),
        "notes": (_note(),),
        "events": (
            Event(at="2026-11-22T13:36:00+00:00", level="info", words="back after 0:03:00"),
            Event(at="2026-11-22T13:33:00+00:00", level="warning", words="timed out"),
        ),
        **of_points([curve_point(position, classes) for position in range(points)], classes),
    }


def _held() -> HeldTask:
    since = "2026-11-22T13:30:00+00:00"
    return HeldTask(image_id=3, image=HOSTILE, task="103", annotator="2", since=since)


def _burndown(spent: int) -> Burndown:
    """As many labels on each of five days."""
    days = {date(2026, 11, 17 + back): spent // 5 for back in range(5)}
    return burndown(days, budget=96, spent=spent, open_tasks=3, today=date(2026, 11, 22))


def _daemon(state: Liveness, words: str) -> DaemonState:
    return DaemonState(
        state=state, words=words, process=None, since=None, looked_at=None, next_at=None
    )


def _batch(cycle: int) -> BatchProgress:
    images = tuple(_batch_image(rank) for rank in range(1, 7))
    states = [image.state for image in images]
    counts = {state.value: states.count(state) for state in TaskState}
    effort = BatchCorrections(
        images=3, changed_share=0.042, iou={"soil": 0.98, "crop": 0.91}, lead_time_s=95.0
    )
    return BatchProgress.model_validate(
        {"cycle": cycle, "asked": len(images), "ahead": 0, "skipped_once": 0}
        | counts
        | {"effort": effort, "images": images}
    )


def _batch_image(rank: int) -> BatchImage:
    labeled = rank % 2 == 0
    return BatchImage(
        image_id=rank,
        name=HOSTILE if rank == 3 else f"field-{rank}.jpg",
        task=str(100 + rank),
        rank=rank,
        arm="hybrid",
        reason=f"hybrid: more uncertain than {100 - rank}% of the pool",
        state=TaskState.LABELED if labeled else TaskState.OPEN,
        since="2026-11-22T13:20:00+00:00",
        annotator="anna@field.example" if labeled else None,
        corrected=True if labeled else None,
    )


def _stage_time(cycle: int) -> StageTime:
    return StageTime(
        cycle=cycle,
        stage=Stage.EMBED,
        started_at="2026-11-22T13:20:00+00:00",
        finished_at="2026-11-22T13:20:12.4+00:00",
    )


def _corrections(classes: tuple[str, ...]) -> CorrectionTotals:
    total = CorrectionEffort(
        images=5, untouched=1, changed_share=0.042, seconds=475.0, seconds_each=95.0, untimed=0
    )
    each = ClassEffort(images=5, shown_px=900, submitted_px=950, changed_share=0.125, seconds=150.0)
    return CorrectionTotals(
        total=total,
        classes=dict.fromkeys(classes, each),
        people={"anna@field.example": total, HOSTILE: total.model_copy(update={"seconds": None})},
        cycles={1: total},
        unmeasured={"began with an empty page": 16},
    )


def _note() -> MaskNote:
    return MaskNote(
        place="annotation 12 of task 102",
        image=HOSTILE,
        at="2026-11-22T13:20:00+00:00",
        notes=("3 pixels were drawn by two classes: the region on top has them",),
    )


def _duplicate() -> DuplicateLabel:
    return DuplicateLabel(image_id=4, image=HOSTILE, people=2, answers=3, annotator="anna")


def fault(**changes: Any) -> QuarantinedInput:
    """An image file that was cut off. changes: fields with other values."""
    found = QuarantinedInput(
        place="image plants/7.jpg",
        got="a file that ends after 4096 bytes",
        expected="a whole JPEG",
        cure="copy the image again",
        at="2026-11-22T08:00:00+00:00",
        state="open",
        image=None,
    )
    return found.model_copy(update=changes)
