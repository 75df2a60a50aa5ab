"""The learner before its first iteration."""

from __future__ import annotations

import logging

from daemon.config.learner import Settings
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.sampler import ITERATION, derived_seed, seed_all
from daemon.hrda.device import infers_in_bf16, trains_in_bf16
from daemon.hrda.inference.passes import windows_at_once
from daemon.hrda.learning.learner import Learner
from daemon.hrda.network.hrda import build_segmentor
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training import checkpoint
from daemon.runs.run_folder import TrainRequest

log = logging.getLogger(__name__)


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
