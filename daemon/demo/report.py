"""The texts of the demo: news while it runs, the curve at its end. Pure: statuses in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daemon.domain import Stage
from daemon.status.model import RunProgress, Status
from daemon.status.model_curve import EvaluatedCycle

LABELS_APART = 8  # labels between two lines about them
PROGRESS_LINES = 4  # about one training


def trained(status: Status) -> int:
    """How many cycles have a measured model."""
    return len(status.evaluations)


def finished(status: Status, cycles: int) -> bool:
    """Whether `cycles` cycles are trained and measured, and the last one is over."""
    return trained(status) >= cycles and status.stage is Stage.DONE


def activity(status: Status) -> tuple[object, ...]:
    """Changes whenever anything moves."""
    progress = status.progress
    steps = (progress.phase, progress.step) if progress else ()
    return (status.cycle, status.stage, status.labels.spent, *steps)


def news(before: Status | None, now: Status) -> Iterator[str]:
    """What has changed since the status before, a line each."""
    if before is None:
        return
    if (before.cycle, before.stage) != (now.cycle, now.stage):
        yield _stage_line(now)
    spent, total = now.labels.spent, now.labels.total
    if spent // LABELS_APART > before.labels.spent // LABELS_APART:
        yield f"labels: {spent} of {total}"
    if now.progress and now.stage is before.stage and _part(now) > _part(before):
        yield _progress_line(now.progress)
    known = {point.cycle: point for point in before.evaluations}
    for point in now.evaluations:
        if known.get(point.cycle) != point:
            yield point_line(point)


def point_line(point: EvaluatedCycle) -> str:
    """One trained cycle in a line."""
    line = f"cycle {point.cycle}: {point.labels} labels -> mIoU {_figure(point.miou)}"
    return f"{line}, on the test images {_figure(point.test_miou)}" if point.has_test else line


def curve(status: Status) -> Iterator[str]:
    """Labels -> mIoU and IoU per class, on validation and on test, as a table of text."""
    classes = status.classes
    width = max(6, *(len(name) for name in classes)) + 1
    head = "".join(f"{name:>{width}}" for name in ("mIoU", *classes))
    yield f"{'cycle':>5} {'labels':>6} {'':>10}{head}"
    for point in status.evaluations:
        rows: list[tuple[str, float | None, Mapping[str, float | None]]] = [
            ("validation", point.miou, point.iou)
        ]
        if point.has_test:
            rows.append(("test", point.test_miou, point.test_iou or {}))
        for name, miou, iou in rows:
            figures = [miou, *(iou.get(each) for each in classes)]
            cells = "".join(f"{_figure(value):>{width}}" for value in figures)
            yield f"{point.cycle:>5} {point.labels:>6} {name:>10}{cells}"


def _stage_line(status: Status) -> str:
    if status.stage is Stage.DONE:
        return f"cycle {status.cycle}: asked; {status.waiting or 'people label'}"
    return f"cycle {status.cycle}: {status.stage}"


def _part(status: Status) -> int:
    """How many of the `PROGRESS_LINES` parts of a run are done."""
    progress = status.progress
    if not progress or not progress.steps:
        return 0
    return int(PROGRESS_LINES * progress.step / progress.steps)


def _progress_line(progress: RunProgress) -> str:
    left = "" if progress.eta_s is None else f", about {progress.eta_s:.0f} s left"
    return f"  {progress.phase}: {progress.step} of {progress.steps}{left}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
