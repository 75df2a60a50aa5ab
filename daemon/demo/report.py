"""What the demo says: news while it runs, the curve at its end. Pure: snapshots in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Snapshot = Mapping[str, Any]

LABELS_APART = 8  # labels between two lines about them
PARTS = 4  # lines about one training


def trained(status: Snapshot) -> int:
    """How many cycles have a measured model."""
    return len(status["evaluations"])


def finished(status: Snapshot, cycles: int) -> bool:
    """Whether the cycles that were wanted are trained, measured and over."""
    return trained(status) >= cycles and status["stage"] == "done"


def sign_of_life(status: Snapshot) -> tuple[object, ...]:
    """Changes whenever anything moves."""
    progress = status["progress"] or {}
    steps = (progress.get("phase"), progress.get("step"))
    return (status["cycle"], status["stage"], status["labels"]["spent"], *steps)


def news(before: Snapshot | None, now: Snapshot) -> Iterator[str]:
    """What is worth a line since the last look."""
    if before is None:
        return
    if (before["cycle"], before["stage"]) != (now["cycle"], now["stage"]):
        yield _stage_line(now)
    spent, total = now["labels"]["spent"], now["labels"]["total"]
    if spent // LABELS_APART > before["labels"]["spent"] // LABELS_APART:
        yield f"labels: {spent} of {total}"
    if _part(now) > _part(before) and now["stage"] == before["stage"]:
        yield _progress_line(now["progress"])
    known = {point["cycle"]: point for point in before["evaluations"]}
    for point in now["evaluations"]:
        if known.get(point["cycle"]) != point:
            yield point_line(point)


def point_line(point: Snapshot) -> str:
    """One trained cycle in a line."""
    text = f"cycle {point['cycle']}: {point['labels']} labels -> mIoU {_number(point['miou'])}"
    if "test_miou" in point:
        return f"{text}, on the test images {_number(point['test_miou'])}"
    return text


def curve(status: Snapshot) -> Iterator[str]:
    """Labels -> mIoU and IoU per class, on validation and on test, as a table of text."""
    classes = status["classes"]
    width = max(6, *(len(name) for name in classes)) + 1
    head = "".join(f"{name:>{width}}" for name in ("mIoU", *classes))
    yield f"{'cycle':>5} {'labels':>6} {'':>10}{head}"
    for point in status["evaluations"]:
        for prefix, name in (("", "validation"), ("test_", "test")):
            if f"{prefix}miou" in point:
                values = [point[f"{prefix}miou"], *map(point[f"{prefix}iou"].get, classes)]
                cells = "".join(f"{_number(value):>{width}}" for value in values)
                yield f"{point['cycle']:>5} {point['labels']:>6} {name:>10}{cells}"


def _stage_line(status: Snapshot) -> str:
    if status["stage"] == "done":
        return f"cycle {status['cycle']}: asked; {status['waiting'] or 'people label'}"
    return f"cycle {status['cycle']}: {status['stage']}"


def _part(status: Snapshot) -> int:
    progress = status["progress"]
    if not progress or not progress["steps"]:
        return 0
    return int(PARTS * progress["step"] / progress["steps"])


def _progress_line(progress: Snapshot) -> str:
    left = "" if progress["eta_s"] is None else f", about {progress['eta_s']:.0f} s left"
    return f"  {progress['phase']}: {progress['step']} of {progress['steps']}{left}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
