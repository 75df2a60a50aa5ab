"""`train`: learn from labels and the pool, evaluate on validation, write a checkpoint."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import time

from daemon.config.learner import Settings, settings_of
from daemon.domain import Evaluation
from daemon.domain.errors import ConfigError
from daemon.hrda.data.crops import Crops
from daemon.hrda.device import (
    peak_gpu_memory_bytes,
    peak_memory_bytes,
    resolve_device,
    set_tf32,
    set_threads,
    versions,
)
from daemon.hrda.distributed import Ranks, joined_ranks, local_device
from daemon.hrda.evaluation.evaluate import KeepMask, validate
from daemon.hrda.evaluation.validation_masks import ValidationMasks
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training import checkpoint
from daemon.hrda.training.best_model import final_student
from daemon.hrda.training.pool_prior import adjust_to_pool_prior
from daemon.hrda.training.rounds import Rounds
from daemon.hrda.training.second_round import delete_first_rounds
from daemon.hrda.training.stop_request import FinishRequest, StopRequest
from daemon.hrda.training.training_loop import Training
from daemon.runs.run_folder import RunFolder, TrainRequest, TrainResult

log = logging.getLogger(__name__)


def train(folder: RunFolder, request: TrainRequest, started_s: float | None = None) -> None:
    """Train as the request says and leave the results in the folder.

    started_s: of the monotonic clock, when the process started; `max_seconds` counts from there.
    Under torchrun all processes train; rank 0 owns the folder, evaluates and writes.
    Raises ConfigError, ImageRefused, MaskRefused, RunFailed or OutOfMemory.
    """
    stop = StopRequest()
    os.nice(request.niceness)
    started_s = time.monotonic() if started_s is None else started_s
    settings = settings_of(request.settings)
    if not request.unlabeled:
        settings = dataclasses.replace(settings, unlabeled_weight=0.0)
    device = local_device(resolve_device(request.device))
    set_threads(request.threads)
    set_tf32(settings)
    with joined_ranks(device) as ranks:
        check(settings, request, ranks)
        finish = FinishRequest(folder.finish)
        rounds = Rounds(
            folder=folder,
            device=device,
            ranks=ranks,
            stop=stop,
            finish=finish,
            started_s=started_s,
        )
        training = rounds.train(request, settings)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # all is saved; the evaluation can be repeated
    if ranks.is_main:
        _finish(training, training.request)


def check(settings: Settings, request: TrainRequest, ranks: Ranks) -> None:
    """Raises ConfigError for a request that these processes cannot train."""
    if settings.minibatch < ranks.size:
        raise ConfigError(
            f"minibatch = {settings.minibatch}: expected a place for each of the {ranks.size} "
            f"processes; raise it, or start fewer"
        )
    if settings.keep_best and not request.validation:
        log.warning("keep_best: there are no validation images; the final model is kept")
    if settings.keep_consistent and not request.unlabeled:
        log.warning("keep_consistent: there are no unlabeled images; the final model is kept")


def _finish(training: Training, request: TrainRequest) -> None:
    """Write the checkpoint, then the result; then delete what only a resume needs."""
    folder, settings = training.folder, training.learner.settings
    net = training.model()
    adjust_to_pool_prior(folder, net, request, training.crops)
    checkpoint.write_checkpoint(folder.checkpoint, net, request.classes)
    keep = ValidationMasks(folder).keep if request.previews else None
    validation = _validated(training, net, request, "validation", keep)
    device = training.crops.device
    folder.write_result(
        TrainResult(
            validation=validation,
            student=_student(training, request) if request.keep_student else None,
            iterations=training.all_iterations(),
            seconds=training.stopwatch.seconds(),
            settings=dataclasses.asdict(settings),
            counters=_counters(training),
            versions=versions(),
            peak_memory_bytes=peak_memory_bytes(),
            peak_gpu_memory_bytes=peak_gpu_memory_bytes(device),
            labeled_holding=_images_by_class(training.crops, request),
            labeled_ignored=training.crops.ignored,
            faults=training.crops.reader.faults(),
        )
    )
    folder.finish.unlink(missing_ok=True)
    checkpoint.delete_state(folder)
    training.best.file.unlink(missing_ok=True)
    delete_first_rounds(folder)


def _student(training: Training, request: TrainRequest) -> Evaluation | None:
    """Write the student's checkpoint beside the model's, and evaluate it."""
    folder, net = training.folder, final_student(training.learner)
    adjust_to_pool_prior(folder, net, request, training.crops)
    checkpoint.write_checkpoint(folder.student, net, request.classes)
    return _validated(training, net, request, "validation of the student")


def _validated(
    training: Training,
    net: Segmentor,
    request: TrainRequest,
    phase: str,
    keep: KeepMask | None = None,
) -> Evaluation | None:
    """The evaluation on the validation images that can be used."""
    folder, reader = training.folder, training.crops.reader
    return validate(folder, net, request.validation, request.classes, phase, reader, keep)


def _images_by_class(crops: Crops, request: TrainRequest) -> dict[str, int]:
    """Class -> number of labeled images that hold it."""
    return dict(zip(request.classes, (crops.pixels > 0).sum(axis=0).tolist(), strict=True))


def _counters(training: Training) -> dict[str, float]:
    """How often an iteration was skipped, or had to be computed in smaller parts; the seconds of
    the first of two rounds."""
    learner, earlier = training.learner, training.earlier
    counters = {"skipped": float(learner.skipped)}
    if learner.halvings:
        counters |= {
            "halved": float(learner.halvings),
            "crops_at_once": float(learner.crops_at_once),
        }
    if training.finish.requested and training.done < learner.settings.iterations:
        counters["finished_early"] = 1.0
    if earlier is not None:
        counters["first_round_seconds"] = earlier.seconds
    return counters
