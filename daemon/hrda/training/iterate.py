"""The iterations of a training, from the first that is missing to the last."""

from __future__ import annotations

import time
from dataclasses import dataclass

from daemon.domain.errors import RunFailed
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.sampler import ITERATION, number_of
from daemon.hrda.distributed import Ranks
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.memory import step_on
from daemon.hrda.progress import Signs
from daemon.hrda.training import checkpoint
from daemon.hrda.training.best_model import Best, milestones
from daemon.hrda.training.stopping import Stopped, StopSign
from daemon.runs.folder import RunFolder

SKIPPED_MOST = 20  # iterations in a row without a finite loss


@dataclass(frozen=True)
class Clock:
    """Seconds since `started_s` of the monotonic clock."""

    started_s: float

    def seconds(self) -> float:
        """Until now."""
        return time.monotonic() - self.started_s


def step(learner: Learner, crops: Crops, seed: int, iteration: int) -> dict[str, float]:
    """One iteration; with fewer crops at a time where memory is short, and from then on.

    It depends on its number alone, so that a repeated or resumed one is the same. Processes
    draw apart: their dropout and jitter differ. Raises TooLittleMemory when one crop at a time
    is too much.
    """
    apart = (learner.ranks.rank,) if learner.ranks.rank else ()
    number = number_of(seed, ITERATION, iteration, *apart)
    return step_on(learner, crops.minibatch(iteration), number, iteration)


@dataclass(kw_only=True)
class Training:
    """A training under way. origin: digest of its request. first: the iteration to begin with."""

    folder: RunFolder
    learner: Learner
    crops: Crops
    seed: int
    ranks: Ranks
    best: Best
    origin: str
    clock: Clock
    stop: StopSign
    first: int = 0

    def run(self) -> None:
        """To the last iteration. Raises Stopped, with all saved; RunFailed, TooLittleMemory."""
        settings, in_a_row, saved_s = self.learner.settings, 0, time.monotonic()
        signs = self._signs()
        for iteration in range(self.first, settings.iterations):
            skipped = self.learner.skipped
            losses = step(self.learner, self.crops, self.seed, iteration)
            in_a_row = in_a_row + 1 if self.learner.skipped > skipped else 0
            _check(iteration, in_a_row, losses)
            done = iteration + 1
            self._measure(done)
            if signs:
                signs.show(done, losses)
            (stopped,) = self.ranks.any(self.stop.came, device=self.crops.device)
            due = time.monotonic() - saved_s >= settings.save_every_s
            if stopped or due or done == settings.iterations:
                self._save(done)
                saved_s = time.monotonic()
            if stopped:
                self.ranks.wait()
                raise Stopped(f"SIGTERM: saved after {done} iterations")

    def _signs(self) -> Signs | None:
        """Of rank 0 alone."""
        steps = self.learner.settings.iterations
        return Signs(self.folder, "training", steps, self.first) if self.ranks.leads else None

    def _measure(self, done: int) -> None:
        settings = self.learner.settings
        due = settings.keep_best and done in milestones(settings.iterations, settings.validations)
        if due and self.ranks.leads:
            self.best.measure(self.learner, done)

    def _save(self, done: int) -> None:
        if self.ranks.leads:
            state = checkpoint.State(
                iteration=done, seconds=self.clock.seconds(), best_miou=self.best.miou
            )
            checkpoint.save_state(self.folder, self.learner, self.origin, state)


def _check(iteration: int, in_a_row: int, losses: dict[str, float]) -> None:
    if in_a_row >= SKIPPED_MOST:
        raise RunFailed(
            f"iteration {iteration}: {in_a_row} losses in a row were not finite, the last "
            f"{losses}; lower learning_rate or use precision = fp32"
        )
