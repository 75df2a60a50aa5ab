"""The status on a terminal: as text and a table, or as a moving bar while a command works."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from daemon.domain import TaskState
from daemon.domain.errors import MaskloopError
from daemon.domain.formatting import count, duration, moment
from daemon.domain.models import GateVerdict
from daemon.status.model import Status
from daemon.status.model_batch import BatchProgress
from daemon.status.model_curve import EvaluatedCycle
from daemon.web.people import person

BAR_S = 1.0  # between two updates of the bar


def show_status(status: Status, console: Console) -> None:
    """Where the loop stands, for a person."""
    _print(console, _loop_lines(status))
    _print(console, _progress_lines(status))
    _print(console, _batch_lines(status))
    if status.evaluations:
        console.print(curve_table(status))
        _print(console, curve_notes(status))
    _print(console, _correction_lines(status))
    _print(console, _left_out_lines(status))
    _print(console, (fault.line() for fault in status.quarantine))
    _print(console, _label_notes(status))


def _print(console: Console, lines: Iterator[str] | list[str]) -> None:
    for line in lines:
        console.print(line, markup=False)


def _loop_lines(status: Status) -> Iterator[str]:
    """Whether a daemon works, what does not work, and how far the loop is."""
    if status.daemon.words and status.cycle is not None:
        yield status.daemon.words
    yield from (incident.line() for incident in status.incidents)
    if status.cycle is None:
        yield f"not started: {status.waiting}"
    else:
        yield f"cycle {status.cycle}, stage {status.stage}: {status.waiting}"
    labels = status.labels
    images = ", ".join(f"{n} {role}" for role, n in status.images.items())
    yield f"labels: {labels.spent} spent, {labels.left} left of {labels.total}; images: {images}"
    if redundancy := status.redundancy:
        yield f"images: {redundancy.words}"
    if (drift := status.validation_drift) and drift.drifted:
        yield drift.words
    if unused := status.uses.unused:
        why = "no pixel of them counts, or their image is left out"
        yield f"labels that neither train nor measure: {unused} ({why})"


def _progress_lines(status: Status) -> Iterator[str]:
    if progress := status.progress:
        left = "" if progress.eta_s is None else f", about {duration(progress.eta_s)} left"
        yield f"{progress.phase}: {progress.step} of {progress.steps}{left}"


def _batch_lines(status: Status) -> Iterator[str]:
    batch = status.batch
    if batch is None:
        return
    yield _batch_line(batch, status.tasks.open_earlier)
    if regime := status.regime:
        yield f"chosen by {regime.strategy}, {regime.name}: {regime.why}"
    if effort := batch.effort:
        share = f"{100 * effort.changed_share:.1f} % of the pixels changed"
        yield f"corrections: {share} on average of {effort.images} predictions"
    begun = {task.image_id: person(task.annotator, status.people) for task in status.held}
    for image in batch.images:
        if image.state is TaskState.OPEN:
            line = f"  {image.rank:>3}  {image.name}  open since {moment(image.since)}"
            by = f", begun by {begun[image.image_id]}" if image.image_id in begun else ""
            yield f"{line}  ({image.arm}{by})"


def _batch_line(batch: BatchProgress, open_earlier: int) -> str:
    """How many images of the batch are in each state; they add up to all of them."""
    states = [f"{number} {state}" for state, number in batch.by_state.items() if number]
    line = f"batch of cycle {batch.cycle}: {batch.asked} asked: {', '.join(states)}"
    if batch.skipped_once:
        line += f" ({batch.skipped_once} of the open ones skipped, not by enough people)"
    if batch.ahead:
        line += f"; {batch.ahead} of them beyond the batch, asked ahead"
    return f"{line}; {open_earlier} of earlier batches open" if open_earlier else line


def curve_table(status: Status) -> Table:
    """Labels -> mIoU and IoU per class, one row a trained cycle."""
    classes = status.classes
    table = Table("cycle", "labels", "train", "mIoU", "95 %", *classes, "test", box=SIMPLE_HEAD)
    for point in status.evaluations:
        table.add_row(
            f"{point.cycle}{_verdict(point)}",
            f"{point.labels}{'*' if point.lost_labels else ''}",
            str(point.train_labels),
            _figure(point.miou),
            point.interval,
            *(_figure(point.iou.get(name)) for name in classes),
            _figure(point.test_miou),
        )
    return table


def _verdict(point: EvaluatedCycle) -> str:
    """What the gate said of a model that does not serve; "" of one that does."""
    if not point.refused:
        return ""
    return " asks" if point.verdict is GateVerdict.ASKED else " refused"


def curve_notes(status: Status) -> list[str]:
    """The notes below the table: which models lost labels since; what the interval of the newest
    model was computed from, and why a figure of it is missing, on validation and test images."""
    points = status.evaluations
    notes = [f"* cycle {point.cycle}: {point.lost_labels}" for point in points if point.lost_labels]
    newest = points[-1]
    if newest.interval_words:
        notes.append(f"95 % interval: {newest.interval_words}")
    notes += [f"mIoU: {remark}" for remark in newest.remarks]
    notes += [f"test: {remark}" for remark in newest.test_remarks or ()]
    if newest.test_miou is not None:
        interval = f"{newest.test_interval} {newest.test_interval_words}".strip()
        notes.append(f"test 95 % interval: {interval}")
    return notes


def _correction_lines(status: Status) -> Iterator[str]:
    """How much of the predictions people changed, and of which classes most."""
    corrections = status.corrections
    if corrections.total is None or corrections.classes is None:
        return
    total = corrections.total
    by_share = sorted(corrections.classes.items(), key=lambda pair: -pair[1].changed_share)
    shares = ", ".join(f"{name} {100 * effort.changed_share:.1f} %" for name, effort in by_share)
    time = "" if total.seconds_each is None else f", {total.seconds_each:.0f} s each (median)"
    answered = f"{total.images} predictions answered, {total.untouched} of them untouched"
    yield f"{answered}{time}; changed of each class: {shares}"


def _left_out_lines(status: Status) -> Iterator[str]:
    """Which images and files are not used, and why."""
    for excluded in status.excluded:
        yield f"{excluded.images} images {excluded.words}: left out"
    for file in status.left_out.named[: status.left_out.missed]:
        got = f" ({file.got})" if file.got else ""
        yield f"left out: {file.path}: {file.reason}{got}; {file.cure}"
    if counts := status.left_out.counts:
        reasons = ", ".join(f"{number} {reason}" for reason, number in counts.items())
        yield f"left out of the image folder: {reasons}"


def _label_notes(status: Status) -> Iterator[str]:
    """What is worth knowing of the labels that are used."""
    if settled := status.quarantine_settled:
        yield f"{count(len(settled), 'unusable mask')} mended or replaced since"
    if number := status.doubles.images:
        yield f"{count(number, 'image')} labeled by several people; each counts once"
    if reviews := status.reviews.line():
        yield reviews
    if agreement := status.agreement.line():
        yield agreement
    for note in status.notes:
        yield f"note: {note.place} ({note.image}): {'; '.join(note.notes)}"


@contextmanager
def live_progress(read_status: Callable[[], Status], console: Console) -> Iterator[None]:
    """Draw a bar for the run in progress until the block ends; nothing where it is no terminal."""
    if not console.is_terminal:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_draw_bar, args=(read_status, console, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _draw_bar(read_status: Callable[[], Status], console: Console, stop: threading.Event) -> None:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        bar = bars.add_task("starting", total=None)
        while not stop.wait(BAR_S):
            try:
                status = read_status()
            except (MaskloopError, OSError, sqlite3.Error):
                continue  # the command itself reports what it meets
            progress = status.progress
            phase = progress.phase if progress else status.waiting
            bars.update(
                bar,
                description=f"cycle {status.cycle} {status.stage}: {phase}",
                completed=progress.step if progress else 0,
                total=progress.steps if progress else None,
            )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


@contextmanager
def image_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A bar of images on a terminal; what is yielded takes the images done and all of them."""
    columns = (TextColumn("images"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("images", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
