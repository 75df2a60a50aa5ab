"""`train`: learn from labels and the pool, evaluate on validation, write a checkpoint."""

from __future__ import annotations

import dataclasses
import logging
import signal
import time

import torch

from daemon.config.learner import Settings, settings_of
from daemon.domain import Evaluation
from daemon.domain.errors import ConfigError, RunFailed
from daemon.hrda.data.crop_size import with_crops_by_images
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.sampler import ITERATION, derived_seed, seed_all
from daemon.hrda.device import (
    infers_in_bf16,
    peak_gpu_memory_bytes,
    peak_memory_bytes,
    resolve_device,
    set_tf32,
    set_threads,
    trains_in_bf16,
    versions,
)
from daemon.hrda.distributed import Ranks, joined_ranks, local_device
from daemon.hrda.evaluation.evaluate import validate
from daemon.hrda.inference.passes import windows_at_once
from daemon.hrda.learning.learner import Learner
from daemon.hrda.network.hrda import build_segmentor
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training import budget, checkpoint
from daemon.hrda.training.best_model import BestModel, final_model, final_student
from daemon.hrda.training.pool_prior import adjust_to_pool_prior, estimation_seconds
from daemon.hrda.training.stop_request import StopRequest
from daemon.hrda.training.training_loop import Stopwatch, Training
from daemon.runs.run_folder import RunFolder, TrainRequest, TrainResult

log = logging.getLogger(__name__)


def train(folder: RunFolder, request: TrainRequest, started_s: float | None = None) -> None:
    """Train as the request says and leave the results in the folder.

    started_s: of the monotonic clock, when the process started; `max_seconds` counts from there.
    Under torchrun all processes train; rank 0 owns the folder, evaluates and writes.
    Raises ConfigError, ImageRefused, MaskRefused, RunFailed or OutOfMemory.
    """
    stop = StopRequest()
    started_s = time.monotonic() if started_s is None else started_s
    settings = settings_of(request.settings)
    if not request.unlabeled:
        settings = dataclasses.replace(settings, unlabeled_weight=0.0)
    device = local_device(resolve_device(request.device))
    set_threads(request.threads)
    set_tf32(settings)
    with joined_ranks(device) as ranks:
        check(settings, request, ranks)
        training = _prepare(folder, request, settings, device, ranks, stop, started_s)
        training.run()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # all is saved; the evaluation can be repeated
    if ranks.is_main:
        _finish(training, request)


def check(settings: Settings, request: TrainRequest, ranks: Ranks) -> None:
    """Raises ConfigError for a request that these processes cannot train."""
    if settings.minibatch < ranks.size:
        raise ConfigError(
            f"minibatch = {settings.minibatch}: expected a place for each of the {ranks.size} "
            f"processes; raise it, or start fewer"
        )
    if settings.keep_best and not request.validation:
        log.warning("keep_best: there are no validation images; the final model is kept")


def _prepare(
    folder: RunFolder,
    request: TrainRequest,
    settings: Settings,
    device: torch.device,
    ranks: Ranks,
    stop: StopRequest,
    started_s: float,
) -> Training:
    """The training, ready for its first iteration that is missing."""
    crops = Crops(request, settings, device, ranks)
    best = BestModel(folder, request, crops.reader)
    origin = checkpoint.request_digest(request, settings)
    settings = crops.settings = with_crops_by_images(settings, crops.sizes)
    settings = _within_max_seconds(folder, request, settings, crops, best, origin, started_s)
    learner = build_learner(request, settings, crops)
    state = checkpoint.load_state(folder, learner, origin)
    best.miou = state.best_miou
    differs = ranks.broadcast(state.iteration, device) != state.iteration
    if ranks.any_rank(differs, device=device)[0]:
        raise RunFailed(
            f"{folder.resume}: the processes read different states; expected one; put the run "
            f"folder on a disk that all of them share"
        )
    return Training(
        folder=folder,
        learner=learner,
        crops=crops,
        seed=request.seed,
        ranks=ranks,
        best=best,
        origin=origin,
        stopwatch=Stopwatch(started_s - state.seconds),
        stop=stop,
        first=state.iteration,
    )


def _within_max_seconds(
    folder: RunFolder,
    request: TrainRequest,
    settings: Settings,
    crops: Crops,
    best: BestModel,
    origin: str,
    started_s: float,
) -> Settings:
    """The settings with as many iterations as fit into `max_seconds`: measured once, then read."""
    if request.max_seconds is None:
        return settings
    ranks = crops.ranks
    count = budget.read_schedule(folder.schedule, origin)
    (unknown,) = ranks.any_rank(count is None, device=crops.device)
    if count is None or unknown:
        pace = budget.measure_pace(
            lambda scaled: build_learner(request, scaled, crops),
            crops,
            settings,
            best.time_validation,
            lambda learner: estimation_seconds(final_model(learner), request, crops),
            budget.MAX_TIMING_SHARE * request.max_seconds,
        )
        left_s = request.max_seconds - (time.monotonic() - started_s) - pace.build_s
        count = int(ranks.broadcast(pace.iterations(left_s, settings), crops.device))
        if ranks.is_main:
            budget.write_schedule(folder.schedule, origin, count, pace)
    return dataclasses.replace(settings, iterations=count)


def build_learner(request: TrainRequest, settings: Settings, crops: Crops) -> Learner:
    """The learner before its first iteration: a pure function of the request."""
    seed_all(derived_seed(request.seed, ITERATION))
    device = crops.device
    student = build_segmentor(settings, len(request.classes))
    _load_initial_weights(student, request)
    student.to(device)
    student.bf16 = trains_in_bf16(settings, device)
    learner = Learner(student, settings, crops.labeled_share(), crops.labeled_images())
    learner.teacher.net.bf16 = infers_in_bf16(settings, device)
    learner.teacher.net.chunk = windows_at_once(settings, device)
    learner.ranks = crops.ranks
    learner.crops_at_once = -(-settings.minibatch // crops.ranks.size)
    if request.parent is not None:
        learner.teacher.skip_ramp_up()
        learner.rate_factor = settings.warm_start_rate
    return learner


def _load_initial_weights(student: Segmentor, request: TrainRequest) -> None:
    if request.parent is None:
        student.load_imagenet()
        return
    new = checkpoint.warm_start(student, request.parent, request.classes, request.parent_classes)
    log.info("warm start parent=%s new_classes=%s", request.parent, new)


def _finish(training: Training, request: TrainRequest) -> None:
    """Write the checkpoint, then the result; then delete what only a resume needs."""
    folder, learner, settings = training.folder, training.learner, training.learner.settings
    net = training.best.model(learner) if settings.keep_best else final_model(learner)
    adjust_to_pool_prior(folder, net, request, training.crops)
    checkpoint.write_checkpoint(folder.checkpoint, net, request.classes)
    validation = _validated(training, net, request, "validation")
    device = training.crops.device
    folder.write_result(
        TrainResult(
            validation=validation,
            student=_student(training, request) if request.keep_student else None,
            iterations=settings.iterations,
            seconds=training.stopwatch.seconds(),
            settings=dataclasses.asdict(settings),
            counters=_counters(learner),
            versions=versions(),
            peak_memory_bytes=peak_memory_bytes(),
            peak_gpu_memory_bytes=peak_gpu_memory_bytes(device),
            labeled_holding=_images_by_class(training.crops, request),
            labeled_ignored=training.crops.ignored,
            faults=training.crops.reader.faults(),
        )
    )
    checkpoint.delete_state(folder)
    training.best.file.unlink(missing_ok=True)


def _student(training: Training, request: TrainRequest) -> Evaluation | None:
    """Write the student's checkpoint beside the model's, and evaluate it."""
    folder, net = training.folder, final_student(training.learner)
    adjust_to_pool_prior(folder, net, request, training.crops)
    checkpoint.write_checkpoint(folder.student, net, request.classes)
    return _validated(training, net, request, "validation of the student")


def _validated(
    training: Training, net: Segmentor, request: TrainRequest, phase: str
) -> Evaluation | None:
    """The evaluation on the validation images that can be used."""
    folder, reader = training.folder, training.crops.reader
    return validate(folder, net, request.validation, request.classes, phase, reader)


def _images_by_class(crops: Crops, request: TrainRequest) -> dict[str, int]:
    """Class -> number of labeled images that hold it."""
    return dict(zip(request.classes, (crops.pixels > 0).sum(axis=0).tolist(), strict=True))


def _counters(learner: Learner) -> dict[str, float]:
    """How often an iteration was skipped, or had to be computed in smaller parts."""
    counters = {"skipped": float(learner.skipped)}
    if learner.halvings:
        counters |= {
            "halved": float(learner.halvings),
            "crops_at_once": float(learner.crops_at_once),
        }
    return counters
