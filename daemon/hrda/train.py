"""`train`: learn from labels and from the pool, measure on validation, leave a checkpoint."""

from __future__ import annotations

import dataclasses
import logging
import signal
import time

import torch

from daemon.domain import Evaluation
from daemon.domain.errors import ConfigError, RunFailed
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.sampler import ITERATION, number_of, seed_all
from daemon.hrda.device import (
    device_of,
    infers_in_bf16,
    peak_gpu_memory_bytes,
    peak_memory_bytes,
    trains_in_bf16,
    use_threads,
    versions,
)
from daemon.hrda.distributed import Ranks, local_device, ranks_of
from daemon.hrda.evaluation.evaluate import validate
from daemon.hrda.learning.learner import Learner
from daemon.hrda.network.model import build_segmentor
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.settings import Settings, settings_of
from daemon.hrda.training import budget, checkpoint
from daemon.hrda.training.best_model import Best, finished_model, finished_student
from daemon.hrda.training.iterate import Clock, Training
from daemon.hrda.training.pool_prior import follow_pool, look_s
from daemon.hrda.training.stopping import StopSign
from daemon.runs.folder import RunFolder, TrainRequest, TrainResult

log = logging.getLogger(__name__)


def train(folder: RunFolder, request: TrainRequest, started_s: float | None = None) -> None:
    """Do what the request says; everything is in the folder afterwards.

    started_s: of the monotonic clock, when the process began; `max_seconds` counts from there.
    Under torchrun all processes train; rank 0 owns the folder, measures and writes.
    Raises ConfigError, ImageRefused, MaskRefused, RunFailed or TooLittleMemory.
    """
    stop = StopSign()
    started_s = time.monotonic() if started_s is None else started_s
    settings = settings_of(request.settings)
    if not request.unlabeled:
        settings = dataclasses.replace(settings, unlabeled_weight=0.0)
    device = local_device(device_of(request.device))
    use_threads(request.threads)
    with ranks_of(device) as ranks:
        check(settings, request, ranks)
        training = _begin(folder, request, settings, device, ranks, stop, started_s)
        training.run()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # all is saved; measuring can be done again
    if ranks.leads:
        _finish(training, request)


def check(settings: Settings, request: TrainRequest, ranks: Ranks) -> None:
    """Raises ConfigError for a request that these processes cannot train."""
    if settings.minibatch < ranks.count:
        raise ConfigError(
            f"minibatch = {settings.minibatch}: expected a place for each of the {ranks.count} "
            f"processes; raise it, or start fewer"
        )
    if settings.keep_best and not request.validation:
        log.warning("keep_best: there are no validation images, the last model is kept")


def _begin(
    folder: RunFolder,
    request: TrainRequest,
    settings: Settings,
    device: torch.device,
    ranks: Ranks,
    stop: StopSign,
    started_s: float,
) -> Training:
    """Everything in place for the first iteration that is missing."""
    crops = Crops(request, settings, device, ranks)
    best = Best(folder, request, crops.reading)
    origin = checkpoint.digest(request, settings)
    settings = _scheduled(folder, request, settings, crops, best, origin, started_s)
    learner = learner_of(request, settings, crops)
    state = checkpoint.load_state(folder, learner, origin)
    best.miou = state.best_miou
    if ranks.any(ranks.number(state.iteration, device) != state.iteration, device=device)[0]:
        raise RunFailed(
            f"{folder.resume}: not all processes read the same state; put the run folder where "
            f"all of them see it"
        )
    return Training(
        folder=folder,
        learner=learner,
        crops=crops,
        seed=request.seed,
        ranks=ranks,
        best=best,
        origin=origin,
        clock=Clock(started_s - state.seconds),
        stop=stop,
        first=state.iteration,
    )


def _scheduled(
    folder: RunFolder,
    request: TrainRequest,
    settings: Settings,
    crops: Crops,
    best: Best,
    origin: str,
    started_s: float,
) -> Settings:
    """The settings with the iterations that `max_seconds` is worth: found once, written down."""
    if request.max_seconds is None:
        return settings
    ranks = crops.ranks
    count = budget.read_schedule(folder.schedule, origin)
    (unknown,) = ranks.any(count is None, device=crops.device)
    if count is None or unknown:
        pace = budget.pace_of(
            lambda scaled: learner_of(request, scaled, crops),
            crops,
            settings,
            best.rehearse,
            lambda one: look_s(finished_model(one), request, crops),
            budget.MOST_SHARE * request.max_seconds,
        )
        left_s = request.max_seconds - (time.monotonic() - started_s) - pace.build_s
        count = int(ranks.number(pace.iterations(left_s, settings), crops.device))
        if ranks.leads:
            budget.write_schedule(folder.schedule, origin, count, pace)
    return dataclasses.replace(settings, iterations=count)


def learner_of(request: TrainRequest, settings: Settings, crops: Crops) -> Learner:
    """The learner as it is before its first iteration: a pure function of the request."""
    seed_all(number_of(request.seed, ITERATION))
    device = crops.device
    student = build_segmentor(settings, len(request.classes))
    _fill(student, request)
    student.to(device)
    student.bf16 = trains_in_bf16(settings, device)
    learner = Learner(student, settings, crops.labeled_share(), crops.labeled_images())
    learner.teacher.net.bf16 = infers_in_bf16(settings, device)
    learner.ranks = crops.ranks
    learner.places = -(-settings.minibatch // crops.ranks.count)
    if request.parent is not None:
        learner.teacher.settle()
        learner.rate = settings.warm_start_rate
    return learner


def _fill(student: Segmentor, request: TrainRequest) -> None:
    if request.parent is None:
        student.load_imagenet()
        return
    new = checkpoint.warm_start(student, request.parent, request.classes, request.parent_classes)
    log.info("warm start parent=%s new_classes=%s", request.parent, new)


def _finish(training: Training, request: TrainRequest) -> None:
    """Leave the checkpoint, then the result; then forget what only a resume needs."""
    folder, learner, settings = training.folder, training.learner, training.learner.settings
    net = training.best.model(learner) if settings.keep_best else finished_model(learner)
    follow_pool(folder, net, request, training.crops)
    checkpoint.write_checkpoint(folder.checkpoint, net, request.classes)
    measured = _validated(training, net, request, "validation")
    device = training.crops.device
    folder.write_result(
        TrainResult(
            validation=measured,
            student=_student(training, request) if request.keep_student else None,
            iterations=settings.iterations,
            seconds=training.clock.seconds(),
            settings=dataclasses.asdict(settings),
            counters=_counters(learner),
            versions=versions(),
            peak_memory_bytes=peak_memory_bytes(),
            peak_gpu_memory_bytes=peak_gpu_memory_bytes(device),
            labeled_holding=_holding(training.crops, request),
            labeled_ignored=training.crops.ignored,
            faults=training.crops.reading.faults(),
        )
    )
    checkpoint.forget_state(folder)
    training.best.file.unlink(missing_ok=True)


def _student(training: Training, request: TrainRequest) -> Evaluation | None:
    """Keep the student beside the model of the checkpoint, and measure it."""
    folder, net = training.folder, finished_student(training.learner)
    follow_pool(folder, net, request, training.crops)
    checkpoint.write_checkpoint(folder.student, net, request.classes)
    return _validated(training, net, request, "validation of the student")


def _validated(
    training: Training, net: Segmentor, request: TrainRequest, phase: str
) -> Evaluation | None:
    """On the validation images that can be used."""
    folder, reading = training.folder, training.crops.reading
    return validate(folder, net, request.validation, request.classes, phase, reading)


def _holding(crops: Crops, request: TrainRequest) -> dict[str, int]:
    """How many labeled images hold each class."""
    return dict(zip(request.classes, (crops.pixels > 0).sum(axis=0).tolist(), strict=True))


def _counters(learner: Learner) -> dict[str, float]:
    """What went otherwise than it should."""
    counters = {"skipped": float(learner.skipped)}
    if learner.halved:
        counters |= {"halved": float(learner.halved), "crops_at_once": float(learner.places)}
    return counters
