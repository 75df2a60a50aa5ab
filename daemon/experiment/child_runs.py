"""The two child processes of an experiment, from start to end, and what they cost."""

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
from daemon.runs.folder import RunFolder

log = logging.getLogger(__name__)

POLL_S = 0.2
LOG_EVERY_S = 30.0  # between two lines where nobody watches a bar

ProgressCallback = Callable[[RunFolder], None]


def run_to_end(run: RunFolder, verb: str, watch: ProgressCallback, processes: int = 1) -> None:
    """Run `verb` in its folder to the end; what an earlier process began, it goes on with.

    An interrupt lets the process save and leave. Raises RunFailed with its words.
    """
    launcher, before = LocalLauncher(processes=processes), _children_cpu_s()
    try:
        while not launcher.advance(run, verb):
            watch(run)
            time.sleep(POLL_S)
    finally:
        launcher.stop()
        spent = _children_cpu_s() - before
        if spent:
            write_json(_usage(run), {"cpu_seconds": cpu_seconds(run) + spent})


def cpu_seconds(run: RunFolder) -> float:
    """User and system time of all processes that worked in the folder and ended while watched."""
    try:
        return float(json.loads(_usage(run).read_text())["cpu_seconds"])
    except FileNotFoundError:
        return 0.0


@contextmanager
def progress_display(console: Console) -> Iterator[ProgressCallback]:
    """Shows how far a run is: a bar on a terminal, else a line in the log now and then."""
    if not console.is_terminal:
        yield _Lines().tell
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        bar = bars.add_task("starting", total=None)
        yield lambda run: _draw(run, bars, bar)


def _draw(run: RunFolder, bars: Progress, bar: TaskID) -> None:
    now = run.read_progress()
    if now:
        bars.update(bar, description=now.phase, completed=now.step, total=now.steps)


class _Lines:
    def __init__(self) -> None:
        self._told_s = time.monotonic()

    def tell(self, run: RunFolder) -> None:
        now = run.read_progress()
        if now and time.monotonic() - self._told_s > LOG_EVERY_S:
            self._told_s = time.monotonic()
            left = "" if now.eta_s is None else f", about {now.eta_s:.0f} s left"
            log.info("%s: %d of %d%s", now.phase, now.step, now.steps, left)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _usage(run: RunFolder) -> Path:
    return run.path / "usage.json"
