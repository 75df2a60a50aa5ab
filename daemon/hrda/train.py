"""`train`: learn from labels and from the pool, measure on validation, leave a checkpoint."""

from __future__ import annotations

import dataclasses
import logging
import signal
import time
from types import FrameType

import torch

from daemon.errors import RunFailed
from daemon.hrda import checkpoint
from daemon.hrda.crops import Crops
from daemon.hrda.learner import Learner
from daemon.hrda.machine import device_of, infers_in_bf16, trains_in_bf16, use_threads, versions
from daemon.hrda.measure import evaluate
from daemon.hrda.model import build_segmentor
from daemon.hrda.prior import correct_prior, prior_bias
from daemon.hrda.sampler import ITERATION, number_of, seed_all
from daemon.hrda.settings import Settings, settings_of
from daemon.hrda.signs import Signs
from daemon.runs import RunFolder, TrainRequest, TrainResult

log = logging.getLogger(__name__)

SKIPPED_MOST = 20  # iterations in a row without a finite loss


class Stopped(Exception):
    """SIGTERM came; the state is saved."""


class StopSign:
    """Whether SIGTERM came."""

    def __init__(self) -> None:
        self.came = False
        signal.signal(signal.SIGTERM, self._raise)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.came = True


def train(folder: RunFolder, request: TrainRequest) -> None:
    """Do what the request says; everything is in the folder afterwards.

    Raises ConfigError, ImageRefused, MaskRefused or RunFailed.
    """
    settings = settings_of(request.settings)
    device = device_of(request.device)
    use_threads(request.threads)
    stop, started_s = StopSign(), time.monotonic()
    crops = Crops(request, settings, device)
    learner = _learner(request, settings, crops, device)
    origin = checkpoint.digest(request, settings)
    iteration, before_s = checkpoint.load_state(folder, learner, origin)
    clock = _Clock(started_s - before_s)
    _learn(folder, learner, crops, request.seed, iteration, origin, clock, stop)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # all is saved; measuring can be done again
    net, share = learner.teacher.net, learner.trained_share()
    correct_prior(net, prior_bias(learner.labeled_share, share, settings.prior_correction))
    checkpoint.write_checkpoint(folder.checkpoint, net, request.classes)
    measured = evaluate(folder, net, request.validation, request.classes, "validation")
    folder.write_result(
        TrainResult(
            validation=measured,
            iterations=settings.iterations,
            seconds=clock.seconds(),
            settings=dataclasses.asdict(settings),
            counters={"skipped": float(learner.skipped)},
            versions=versions(),
        )
    )
    checkpoint.forget_state(folder)


@dataclasses.dataclass(frozen=True)
class _Clock:
    started_s: float

    def seconds(self) -> float:
        return time.monotonic() - self.started_s


def _learner(
    request: TrainRequest, settings: Settings, crops: Crops, device: torch.device
) -> Learner:
    seed_all(number_of(request.seed, ITERATION))
    student = build_segmentor(settings, len(request.classes))
    if request.parent is None:
        student.load_imagenet()
    else:
        new = checkpoint.warm_start(student, request.parent, request.classes)
        log.info("warm start parent=%s new_classes=%s", request.parent, new)
    student.to(device)
    student.bf16 = trains_in_bf16(settings, device)
    learner = Learner(student, settings, crops.labeled_share())
    learner.teacher.net.bf16 = infers_in_bf16(settings, device)
    if request.parent is not None:
        learner.teacher.settle()
        learner.rate = settings.warm_start_rate
    return learner


def _learn(
    folder: RunFolder,
    learner: Learner,
    crops: Crops,
    seed: int,
    first: int,
    origin: str,
    clock: _Clock,
    stop: StopSign,
) -> None:
    settings = learner.settings
    signs = Signs(folder, "training", settings.iterations, first)
    saved_s, in_a_row = time.monotonic(), 0
    for iteration in range(first, settings.iterations):
        seed_all(number_of(seed, ITERATION, iteration))
        skipped = learner.skipped
        losses = learner.step(crops.minibatch(iteration), iteration)
        in_a_row = in_a_row + 1 if learner.skipped > skipped else 0
        if in_a_row >= SKIPPED_MOST:
            raise RunFailed(
                f"iteration {iteration}: {in_a_row} losses in a row were not finite, the last "
                f"{losses}; lower learning_rate or use precision = fp32"
            )
        signs.show(iteration + 1, losses)
        last = iteration + 1 == settings.iterations
        if stop.came or last or time.monotonic() - saved_s >= settings.save_every_s:
            checkpoint.save_state(folder, learner, iteration + 1, origin, clock.seconds())
            saved_s = time.monotonic()
        if stop.came:
            raise Stopped(f"SIGTERM: saved after {iteration + 1} iterations")
