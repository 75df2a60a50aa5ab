"""The two child processes of an experiment: run to their end, with progress and CPU time."""

from __future__ import annotations

import json
import logging
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from daemon.launchers.local import LocalLauncher
from daemon.runs.durable import write_json
from daemon.runs.run_folder import RunFolder

log = logging.getLogger(__name__)

POLL_S = 0.2
LOG_EVERY_S = 30.0  # between two lines of progress, without a terminal

ProgressCallback = Callable[[RunFolder], None]
RunChild = Callable[[RunFolder, str], None]  # runs a command in a run folder to its end


def run_to_end(
    run: RunFolder, command: str, on_progress: ProgressCallback, processes: int = 1
) -> None:
    """Run `python -m daemon.hrda COMMAND` in its folder until it has finished.

    It resumes what an earlier process has saved. An interrupt lets it save and exit. processes: how
    many train together, on a GPU each. Raises RunFailed with the message of the process.
    """
    launcher, cpu_before_s = LocalLauncher(processes=processes), _children_cpu_s()
    try:
        while not launcher.advance(run, command):
            on_progress(run)
            time.sleep(POLL_S)
    finally:
        launcher.stop()
        spent = _children_cpu_s() - cpu_before_s
        if spent:
            write_json(_usage_file(run), {"cpu_seconds": cpu_seconds(run) + spent})


def cpu_seconds(run: RunFolder) -> float:
    """User and system seconds of all processes of the folder that ended during `run_to_end`."""
    try:
        return float(json.loads(_usage_file(run).read_text())["cpu_seconds"])
    except FileNotFoundError:
        return 0.0


@contextmanager
def progress_display(console: Console) -> Iterator[ProgressCallback]:
    """A callback that shows the progress of a run: a bar on a terminal, else lines in the log."""
    if not console.is_terminal:
        yield _ProgressLog().log_progress
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        bar = bars.add_task("starting", total=None)
        yield lambda run: _update_bar(run, bars, bar)


@contextmanager
def child_runner(console: Console) -> Iterator[RunChild]:
    """Runs commands in child processes, one after the other, and shows their progress."""
    with progress_display(console) as on_progress:
        yield lambda run, command: run_to_end(run, command, on_progress)


def _update_bar(run: RunFolder, bars: Progress, bar: TaskID) -> None:
    now = run.read_progress()
    if now:
        bars.update(bar, description=now.phase, completed=now.step, total=now.steps)


class _ProgressLog:
    def __init__(self) -> None:
        self._logged_at_s = time.monotonic()

    def log_progress(self, run: RunFolder) -> None:
        now = run.read_progress()
        if now and time.monotonic() - self._logged_at_s > LOG_EVERY_S:
            self._logged_at_s = time.monotonic()
            left = "" if now.eta_s is None else f", about {now.eta_s:.0f} s left"
            log.info("%s: %d of %d%s", now.phase, now.step, now.steps, left)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _usage_file(run: RunFolder) -> Path:
    return run.path / "usage.json"
