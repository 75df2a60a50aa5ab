"""What the command line shows of a snapshot: a table, or a moving bar on a terminal."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from daemon.domain import TaskState
from daemon.domain.errors import MaskloopError
from daemon.domain.formatting import duration, moment, quarantine_line
from daemon.status.liveness import incident_line

Snapshot = Mapping[str, Any]


def show_status(status: Snapshot, console: Console) -> None:
    """Where the loop stands, for a person."""
    for words in _standing(status):
        console.print(words, markup=False)
    _show_progress(status, console)
    _show_batch(status, console)
    if status["evaluations"]:
        console.print(curve_table(status))
        for words in curve_words(status):
            console.print(words, markup=False)
    faults = map(quarantine_line, status["quarantine"])
    for words in (*_corrections(status), *_left_out(status), *faults, *_kept(status)):
        console.print(words, markup=False)


def _standing(status: Snapshot) -> Iterator[str]:
    """Whether a daemon works, what does not, and how far the loop is."""
    if status["daemon"]["words"] and status["cycle"] is not None:
        yield status["daemon"]["words"]
    yield from map(incident_line, status["incidents"])
    if status["cycle"] is None:
        yield f"not started: {status['waiting']}"
    else:
        yield f"cycle {status['cycle']}, stage {status['stage']}: {status['waiting']}"
    labels = status["labels"]
    images = ", ".join(f"{n} {role}" for role, n in status["images"].items())
    yield (
        f"labels: {labels['spent']} spent, {labels['left']} left of {labels['total']}; "
        f"images: {images}"
    )
    if unused := status["uses"]["unused"]:
        why = "no pixel of them counts, or their image is left out"
        yield f"labels that neither train nor measure: {unused} ({why})"


def _corrections(status: Snapshot) -> Iterator[str]:
    """How much of the predictions people changed, of which classes most."""
    found = status["corrections"]
    if total := found["total"]:
        most = sorted(found["classes"].items(), key=lambda each: -each[1]["changed_share"])
        shares = ", ".join(f"{name} {100 * one['changed_share']:.1f} %" for name, one in most)
        each = total["seconds_each"]
        took = "" if each is None else f", {each:.0f} s each (median)"
        words = f"{total['images']} predictions answered, {total['untouched']} of them untouched"
        yield f"{words}{took}; changed of each class: {shares}"


def _left_out(status: Snapshot) -> Iterator[str]:
    """Which images and files are not used, and why."""
    for left_out in status["excluded"]:
        yield f"{left_out['images']} images {left_out['words']}: left out"
    for one in status["left_out"]["named"][: status["left_out"]["missed"]]:
        got = f" ({one['got']})" if one["got"] else ""
        yield f"left out: {one['path']}: {one['reason']}{got}; {one['cure']}"
    if counts := status["left_out"]["counts"]:
        words = ", ".join(f"{number} {reason}" for reason, number in counts.items())
        yield f"left out of the image folder: {words}"


def _kept(status: Snapshot) -> Iterator[str]:
    """What is worth knowing of the answers that are used."""
    if settled := status["quarantine_settled"]:
        yield f"{len(settled)} unusable masks were mended or replaced since"
    if number := status["doubles"]["images"]:
        yield f"{number} images were labeled by several people; each counts once"
    for row in status["notes"]:
        yield f"note: {row['place']} ({row['image']}): {'; '.join(row['notes'])}"


def curve_table(status: Snapshot) -> Table:
    """labels -> mIoU, one line a trained cycle."""
    classes = status["classes"]
    table = Table("cycle", "labels", "train", "mIoU", "95 %", *classes, "test", box=SIMPLE_HEAD)
    for point in status["evaluations"]:
        table.add_row(
            f"{point['cycle']}{' refused' if point['refused'] else ''}",
            str(point["labels"]) + ("*" if lost_labels(point) else ""),
            str(point["train_labels"]),
            _number(point["miou"]),
            "-".join(map(_number, point["miou_interval"] or ())),
            *(_number(point["iou"].get(name)) for name in classes),
            _number(point.get("test_miou")),
        )
    return table


def lost_labels(point: Snapshot) -> str:
    """What became of labels that a point of the curve was trained or measured with; "" where all
    of them count still."""
    deleted, unconfirmed = point["labels_deleted"], point["labels_unconfirmed"]
    words = [f"{deleted} of its labels were deleted since"] if deleted else []
    if unconfirmed:
        words.append(f"{unconfirmed} of its labels were drawn on a picture that was replaced since")
    return "; ".join(words)


def curve_words(status: Snapshot) -> list[str]:
    """What stands beside the figures of the newest point: what the interval is made from, and why
    a figure is missing; validation, then test. Before that, which points lost labels since."""
    lost = ((one["cycle"], lost_labels(one)) for one in status["evaluations"])
    marks = [f"* cycle {cycle}: {words}" for cycle, words in lost if words]
    point = status["evaluations"][-1]
    lines = [f"95 % interval: {point['interval_words']}"] if point.get("interval_words") else []
    lines += [f"mIoU: {words}" for words in point["remarks"]]
    lines += [f"test: {words}" for words in point.get("test_remarks", ())]
    if point.get("test_miou") is not None:
        ends = "-".join(map(_number, point["test_miou_interval"] or ()))
        lines.append(
            f"test 95 % interval: {ends} {point['test_interval_words']}".replace("  ", " ")
        )
    return [*marks, *lines]


@contextmanager
def live_progress(read: Callable[[], Snapshot], console: Console) -> Iterator[None]:
    """Draw a bar for the run in progress while the block runs; nothing where nobody watches."""
    if not console.is_terminal:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_draw, args=(read, console, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _draw(read: Callable[[], Snapshot], console: Console, stop: threading.Event) -> None:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        bar = bars.add_task("starting", total=None)
        while not stop.wait(1.0):
            try:
                status = read()
            except (MaskloopError, OSError, sqlite3.Error):
                continue  # the command itself says what it meets
            words = f"cycle {status['cycle']} {status['stage']}"
            progress = status["progress"] or {"phase": status["waiting"], "step": 0, "steps": None}
            bars.update(
                bar,
                description=f"{words}: {progress['phase']}",
                completed=progress["step"],
                total=progress["steps"],
            )


def _show_progress(status: Snapshot, console: Console) -> None:
    progress = status["progress"]
    if progress:
        eta = "" if progress["eta_s"] is None else f", about {duration(progress['eta_s'])} left"
        words = f"{progress['phase']}: {progress['step']} of {progress['steps']}{eta}"
        console.print(words, markup=False)


def _show_batch(status: Snapshot, console: Console) -> None:
    batch = status["batch"]
    if not batch:
        return
    console.print(_batch_line(batch, status["tasks"]["open_earlier"]), markup=False)
    if effort := batch["effort"]:
        share = f"{100 * effort['changed_share']:.1f} % of the pixels changed"
        console.print(f"corrections: {share} on average of {effort['images']} predictions")
    for image in batch["images"]:
        if image["state"] == "open":
            line = f"  {image['rank']:>3}  {image['name']}  open since {moment(image['since'])}"
            console.print(f"{line}  ({image['arm']})", markup=False)


def _batch_line(batch: Snapshot, open_earlier: int) -> str:
    """The states of all images of the batch, which add up to those that it asked."""
    states = [f"{batch[state]} {state}" for state in TaskState if batch[state]]
    words = f"batch of cycle {batch['cycle']}: {batch['asked']} asked: {', '.join(states)}"
    if batch["skipped_once"]:
        words += f" ({batch['skipped_once']} of the open ones skipped, not by enough people)"
    if batch["ahead"]:
        words += f"; {batch['ahead']} of them beyond the batch, asked ahead"
    return f"{words}; {open_earlier} of earlier batches open" if open_earlier else words


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
