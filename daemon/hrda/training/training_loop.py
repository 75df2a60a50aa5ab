"""The iterations of a training: validation, saved states, SIGTERM."""

from __future__ import annotations

import time
from dataclasses import dataclass

from daemon.domain.errors import RunFailed
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.sampler import ITERATION, derived_seed
from daemon.hrda.distributed import Ranks
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.microbatches import step_within_memory
from daemon.hrda.progress import ProgressReporter
from daemon.hrda.training import checkpoint
from daemon.hrda.training.best_model import BestModel, validation_iterations
from daemon.hrda.training.stop_request import Stopped, StopRequest
from daemon.runs.run_folder import RunFolder

MAX_SKIPPED = 20  # iterations in a row whose loss is not finite


@dataclass(frozen=True)
class Stopwatch:
    """Seconds since `started_s` of the monotonic clock."""

    started_s: float

    def seconds(self) -> float:
        """Since the start, those of earlier processes of this training included."""
        return time.monotonic() - self.started_s


def step(learner: Learner, crops: Crops, seed: int, iteration: int) -> dict[str, float]:
    """One iteration; where memory is short, with fewer crops at a time from then on.

    Its randomness depends on (seed, iteration) only, so that a repeated or resumed iteration is
    the same. Each process has random numbers of its own: their dropout and jitter differ. Raises
    OutOfMemory when one crop at a time is too much.
    """
    rank = (learner.ranks.rank,) if learner.ranks.rank else ()
    own_seed = derived_seed(seed, ITERATION, iteration, *rank)
    return step_within_memory(learner, crops.minibatch(iteration), own_seed, iteration)


@dataclass(kw_only=True)
class Training:
    """A training and its state. origin: digest of its request. first: the first iteration to do."""

    folder: RunFolder
    learner: Learner
    crops: Crops
    seed: int
    ranks: Ranks
    best: BestModel
    origin: str
    stopwatch: Stopwatch
    stop: StopRequest
    first: int = 0

    def run(self) -> None:
        """Train to the last iteration. Raises Stopped, with all saved; RunFailed; OutOfMemory."""
        settings, in_a_row, saved_s = self.learner.settings, 0, time.monotonic()
        progress = self._progress()
        for iteration in range(self.first, settings.iterations):
            skipped = self.learner.skipped
            losses = step(self.learner, self.crops, self.seed, iteration)
            in_a_row = in_a_row + 1 if self.learner.skipped > skipped else 0
            _check_finite(iteration, in_a_row, losses)
            done = iteration + 1
            self._validate(done)
            if progress:
                progress.report(done, losses)
            (stopped,) = self.ranks.any_rank(self.stop.requested, device=self.crops.device)
            due = time.monotonic() - saved_s >= settings.save_every_s
            if stopped or due or done == settings.iterations:
                self._save(done)
                saved_s = time.monotonic()
            if stopped:
                self.ranks.barrier()
                raise Stopped(f"SIGTERM: saved after {done} iterations")

    def _progress(self) -> ProgressReporter | None:
        """Of rank 0; the other processes report none."""
        steps = self.learner.settings.iterations
        return (
            ProgressReporter(self.folder, "training", steps, self.first)
            if self.ranks.is_main
            else None
        )

    def _validate(self, done: int) -> None:
        settings = self.learner.settings
        due = settings.keep_best and done in validation_iterations(
            settings.iterations, settings.validations
        )
        if due and self.ranks.is_main:
            self.best.validate(self.learner, done)

    def _save(self, done: int) -> None:
        if self.ranks.is_main:
            state = checkpoint.ResumeState(
                iteration=done, seconds=self.stopwatch.seconds(), best_miou=self.best.miou
            )
            checkpoint.save_state(self.folder, self.learner, self.origin, state)


def _check_finite(iteration: int, in_a_row: int, losses: dict[str, float]) -> None:
    if in_a_row >= MAX_SKIPPED:
        raise RunFailed(
            f"iteration {iteration}: {in_a_row} losses in a row are not finite, the last "
            f"{losses}; expected numbers; lower learning_rate, or set precision = fp32"
        )
