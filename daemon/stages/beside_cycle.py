"""A run beside the cycle: one for each cycle that is done; it never keeps the loop waiting.

Which cycle it works for and which had one already are facts in the store.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from daemon.domain import Stage
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import RunFolder
from daemon.stages.context import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BesideCycle:
    """name: of the run folder and of the facts."""

    name: str

    def due_cycle(self, context: Context) -> int | None:
        """The newest cycle, where it is done, has a model and has had no such run; else None."""
        last = context.store.last_cycle()
        if last is None or last.number == 0 or last.stage is not Stage.DONE:
            return None
        return None if context.store.fact(self._done) == str(last.number) else last.number

    def open_cycle(self, context: Context) -> int | None:
        """The cycle that a run works for; None without one."""
        opened = context.store.fact(self._open)
        return int(opened) if opened else None

    def last_cycle(self, context: Context) -> int | None:
        """The newest cycle that has had its run; None before the first."""
        done = context.store.fact(self._done)
        return int(done) if done else None

    def begin(self, context: Context, cycle: int) -> None:
        """A run works for this cycle from now on."""
        context.store.keep_fact(self._open, str(cycle))

    def end(self, context: Context, cycle: int) -> None:
        """The cycle has had its run. Call it in one transaction with what the run found."""
        context.store.keep_fact(self._done, str(cycle))
        context.store.keep_fact(self._open, "")

    def fail(self, context: Context, cycle: int, message: str) -> None:
        """The run failed, which is said; the next cycle has one again."""
        log.warning("%s", message)
        with context.store.atomic():
            context.store.add_event("warning", message, context.now())
            self.end(context, cycle)

    @property
    def _open(self) -> str:
        return f"{self.name}_open"

    @property
    def _done(self) -> str:
        return f"{self.name}_done"


AUDIT = BesideCycle(name="audit")
FOLD_MODELS = BesideCycle(name="fold_models")


def label_file(run: RunFolder, image_id: int) -> Path:
    """Where a run finds the label of an image."""
    return run.path / "labels" / f"{image_id}.png"


def write_label(context: Context, run: RunFolder, image_id: int) -> Path:
    """Write the label of an image as it is now into a run folder; returns its file."""
    path = label_file(run, image_id)
    write_into_run(path, context.store.label_png(image_id))
    return path


def write_into_run(path: Path, content: bytes) -> None:
    """Write a file of a run folder, whole or not at all, and the folder it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as part:
        part.write_bytes(content)
