"""`keep_best`: the model that was best on validation is what the training leaves."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from pathlib import Path

from daemon.hrda.data.guarded_reading import Reading
from daemon.hrda.evaluation.evaluate import evaluate
from daemon.hrda.learning.class_prior import correct_prior, prior_bias, seen_enough
from daemon.hrda.learning.learner import Learner
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training import checkpoint
from daemon.runs.folder import RunFolder, TrainRequest

log = logging.getLogger(__name__)


def finished_model(learner: Learner) -> Segmentor:
    """A copy of the network that is kept, as it would be if the training ended now."""
    if learner.settings.evaluated == "student":
        return finished_student(learner)
    return _finished(learner, learner.teacher.net)


def finished_student(learner: Learner) -> Segmentor:
    """The same of the student."""
    return _finished(learner, learner.student)


def _finished(learner: Learner, net: Segmentor) -> Segmentor:
    net = copy.deepcopy(net).requires_grad_(False).eval()
    net.bf16 = learner.teacher.net.bf16
    settings = learner.settings
    half = settings.prior_images if settings.unlabeled_weight else settings.prior_images_alone
    power = settings.prior_correction * seen_enough(learner.labeled_images, half)
    correct_prior(net, prior_bias(learner.labeled_share, learner.trained_share(), power))
    return net


def milestones(iterations: int, validations: int) -> frozenset[int]:
    """After how many iterations to measure: evenly, the last one included."""
    return frozenset(-(-row * iterations // validations) for row in range(1, validations + 1))


class Best:
    """The best model so far, in a file of the run folder. miou: its own, None before the first."""

    def __init__(self, folder: RunFolder, request: TrainRequest, reading: Reading) -> None:
        self.folder, self.request, self.reading = folder, request, reading
        self.miou: float | None = None

    @property
    def file(self) -> Path:
        """Where it is kept until the end."""
        return self.folder.path / "best.pth"

    def measure(self, learner: Learner, iteration: int) -> None:
        """Measure the model of now on validation, and keep it if it is better."""
        net = finished_model(learner)
        measured = self._evaluate(net, self.request.classes)
        log.info("validation iteration=%d miou=%s best=%s", iteration, measured, self.miou)
        if measured is not None and (self.miou is None or measured > self.miou):
            checkpoint.write_checkpoint(self.file, net, self.request.classes)
            self.miou = measured

    def rehearse(self, learner: Learner) -> None:
        """Measure without keeping anything: for timing."""
        self._evaluate(finished_model(learner), self.request.classes)

    def _evaluate(self, net: Segmentor, classes: Sequence[str]) -> float | None:
        files = self.request.validation
        found = evaluate(self.folder, net, files, classes, "validation", self.reading)
        return found.miou if found else None

    def model(self, learner: Learner) -> Segmentor:
        """The best one; the last where none was measured. Raises RunFailed."""
        if self.miou is None:
            return finished_model(learner)
        net, _ = checkpoint.read_checkpoint(self.file, next(learner.student.parameters()).device)
        net.bf16 = learner.teacher.net.bf16
        return net
