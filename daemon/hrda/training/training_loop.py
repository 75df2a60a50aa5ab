"""The iterations of a training: validation, saved states, SIGTERM."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass

from daemon.domain.errors import RunFailed
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.data.sampler import ITERATION, derived_seed
from daemon.hrda.distributed import Ranks
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.loss_report import LossReport
from daemon.hrda.learning.microbatches import step_within_memory
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.progress import ProgressReporter
from daemon.hrda.training import checkpoint
from daemon.hrda.training.best_model import (
    BestModel,
    final_model,
    measures_on_the_way,
    validation_iterations,
)
from daemon.hrda.training.plateau import Plateau
from daemon.hrda.training.stop_request import FinishRequest, Stopped, StopRequest
from daemon.hrda.training.training_log import TrainingLog
from daemon.prefetch import prefetch
from daemon.runs.run_folder import RunFolder, TrainRequest

log = logging.getLogger(__name__)

MAX_SKIPPED = 20  # iterations in a row whose loss is not finite
CHECKED_EVERY = 10  # iterations: to look at the number of skipped ones waits for the device
MAX_DATA_THREADS = 8  # that cut crops beside a GPU


@dataclass(frozen=True)
class Stopwatch:
    """Seconds since `started_s` of the monotonic clock."""

    started_s: float

    def seconds(self) -> float:
        """Since the start, those of earlier processes of this training included."""
        return time.monotonic() - self.started_s


def minibatches(
    crops: Crops, iterations: Iterable[int]
) -> Generator[tuple[int, Minibatch], None, None]:
    """Each iteration with its minibatch; the next ones are read, cut and sent to the device while
    the network computes."""
    threads = 1
    if crops.device.type == "cuda":  # on a CPU all cores compute already
        cores = len(os.sched_getaffinity(0)) // crops.ranks.size
        threads = max(1, min(MAX_DATA_THREADS, cores - 1))
    return prefetch(crops.minibatch, iterations, 2 * threads, threads)


def step(learner: Learner, minibatch: Minibatch, seed: int, iteration: int) -> LossReport:
    """One iteration; where memory is short, with fewer crops at a time from then on.

    Its randomness depends on (seed, iteration) only, so that a repeated or resumed iteration is
    the same. Each process has random numbers of its own: their dropout and jitter differ. Raises
    OutOfMemory when one crop at a time is too much.
    """
    rank = (learner.ranks.rank,) if learner.ranks.rank else ()
    own_seed = derived_seed(seed, ITERATION, iteration, *rank)
    return step_within_memory(learner, minibatch, own_seed, iteration)


@dataclass(frozen=True, kw_only=True)
class EarlierRound:
    """What the first of two rounds took."""

    seconds: float
    iterations: int


@dataclass(kw_only=True)
class Training:
    """A training and its state.

    origin: digest of its request. done: how many iterations are. earlier: the first round, where
    this is the second. log: of rank 0; the other processes have none.
    """

    folder: RunFolder
    request: TrainRequest
    learner: Learner
    crops: Crops
    ranks: Ranks
    best: BestModel
    origin: str
    stopwatch: Stopwatch
    stop: StopRequest
    finish: FinishRequest
    plateau: Plateau
    done: int = 0
    earlier: EarlierRound | None = None
    log: TrainingLog | None = None

    def all_iterations(self) -> int:
        """Of both rounds, where there are two."""
        before = self.earlier.iterations if self.earlier else 0
        return before + self.done

    def run(self) -> None:
        """Train to the last iteration, until the plateau, or until somebody wants the result now.

        Raises Stopped, with all saved; RunFailed; OutOfMemory.
        """
        if self._is_measured(self.done) and self.plateau.is_reached(self.done):
            return
        if self.done and self._is_asked_for(self.finish.requested)[0]:
            return
        left = range(self.done, self.learner.settings.iterations)
        with closing(minibatches(self.crops, left)) as queue:
            self._run(queue)

    def model(self) -> Segmentor:
        """The model that the training leaves; before the adjustment to the pool's class prior."""
        learner = self.learner
        if learner.settings.keep_best or learner.settings.keep_consistent:
            return self.best.model(learner)
        return final_model(learner)

    def _run(self, queue: Iterable[tuple[int, Minibatch]]) -> None:
        settings, saved_s = self.learner.settings, time.monotonic()
        progress = self._progress()
        for iteration, minibatch in queue:
            losses = step(self.learner, minibatch, self.request.seed, iteration)
            done = self.done = iteration + 1
            if done % CHECKED_EVERY == 0 or done == settings.iterations:
                _check_finite(iteration, self.learner.skipped_in_a_row, losses)
            ended = self._measure(done, losses) or done == settings.iterations
            if progress:
                progress.report(done, losses)
            stopped, finish = self._is_asked_for(self.stop.requested, self.finish.requested)
            ended = ended or finish
            if self.log:
                self.log.iteration(self.learner, losses, done, self.stopwatch.seconds(), ended)
            due = time.monotonic() - saved_s >= settings.save_every_s
            if stopped or due or ended:
                self._save(done)
                saved_s = time.monotonic()
            if stopped:
                self.ranks.barrier()
                raise Stopped(f"SIGTERM: saved after {done} iterations")
            if ended:
                return

    def _is_asked_for(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag: whether it is set in any process."""
        return self.ranks.any_rank(*flags, device=self.crops.device)

    def _progress(self) -> ProgressReporter | None:
        """Of rank 0; the other processes report none."""
        steps = self.learner.settings.iterations
        return (
            ProgressReporter(self.folder, "training", steps, self.done)
            if self.ranks.is_main
            else None
        )

    def _measure(self, done: int, losses: LossReport) -> bool:
        """Measure the model where that is due; whether the training has reached its plateau."""
        plateau = self.plateau
        if plateau.patience:
            plateau.add_loss(losses)
        if not self._is_measured(done):
            return False
        if self.ranks.is_main:
            figure = self.best.validate(self.learner, done)
            plateau.measure(figure, done)
            if self.log:
                self.log.measured(done, figure)
        reached = self.ranks.broadcast(float(plateau.is_reached(done)), self.crops.device)
        if reached and self.ranks.is_main:
            log.info("plateau iteration=%d best=%s at=%d", done, plateau.best, plateau.best_at)
        return bool(reached)

    def _is_measured(self, done: int) -> bool:
        """Whether the model is measured after so many iterations."""
        settings = self.learner.settings
        return measures_on_the_way(settings) and done in validation_iterations(
            settings.iterations, settings.validations
        )

    def _save(self, done: int) -> None:
        if self.ranks.is_main:
            state = checkpoint.ResumeState(
                iteration=done,
                seconds=self.stopwatch.seconds(),
                best_miou=self.best.miou,
                plateau_best=self.plateau.best,
                plateau_at=self.plateau.best_at,
                loss_sum=float(self.plateau.loss_sum),
                loss_count=int(self.plateau.loss_count),
            )
            checkpoint.save_state(self.folder, self.learner, self.origin, state)


def _check_finite(iteration: int, in_a_row: int, losses: LossReport) -> None:
    if in_a_row >= MAX_SKIPPED:
        raise RunFailed(
            f"iteration {iteration}: {in_a_row} losses in a row are not finite, the last "
            f"{losses}; expected numbers; lower learning_rate, or set precision = fp32"
        )
