"""The model that a training leaves: the final one, or with `keep_best` the best on validation."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from pathlib import Path

from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.evaluation.evaluate import evaluate
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.logit_adjustment import adjust_logits, adjustment_strength, logit_bias
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training import checkpoint
from daemon.runs.run_folder import RunFolder, TrainRequest

log = logging.getLogger(__name__)


def final_model(learner: Learner) -> Segmentor:
    """A copy of the network that is kept (`evaluated`), as if the training ended now."""
    if learner.settings.evaluated == "student":
        return final_student(learner)
    return _finalised(learner, learner.teacher.net)


def final_student(learner: Learner) -> Segmentor:
    """The same of the student, whatever `evaluated` says."""
    return _finalised(learner, learner.student)


def _finalised(learner: Learner, net: Segmentor) -> Segmentor:
    net = copy.deepcopy(net).requires_grad_(False).eval()
    net.bf16 = learner.teacher.net.bf16
    settings = learner.settings
    half = settings.prior_images if settings.unlabeled_weight else settings.prior_images_alone
    power = settings.prior_correction * adjustment_strength(learner.labeled_images, half)
    adjust_logits(net, logit_bias(learner.labeled_share, learner.trained_share(), power))
    return net


def validation_iterations(iterations: int, validations: int) -> frozenset[int]:
    """The iterations after which to validate: evenly spaced, the last one included."""
    return frozenset(-(-index * iterations // validations) for index in range(1, validations + 1))


class BestModel:
    """The best model so far, in a file of the run folder. miou: its validation mIoU, or None."""

    def __init__(self, folder: RunFolder, request: TrainRequest, reader: FileReader) -> None:
        self.folder, self.request, self.reader = folder, request, reader
        self.miou: float | None = None

    @property
    def file(self) -> Path:
        """The file that holds it until the training ends."""
        return self.folder.path / "best.pth"

    def validate(self, learner: Learner, iteration: int) -> None:
        """Evaluate the present model on validation, and keep it if it is better."""
        net = final_model(learner)
        miou = self._evaluate(net, self.request.classes)
        log.info("validation iteration=%d miou=%s best=%s", iteration, miou, self.miou)
        if miou is not None and (self.miou is None or miou > self.miou):
            checkpoint.write_checkpoint(self.file, net, self.request.classes)
            self.miou = miou

    def time_validation(self, learner: Learner) -> None:
        """Evaluate the present model without keeping it: for timing."""
        self._evaluate(final_model(learner), self.request.classes)

    def _evaluate(self, net: Segmentor, classes: Sequence[str]) -> float | None:
        files = self.request.validation
        found = evaluate(self.folder, net, files, classes, "validation", self.reader)
        return found.miou if found else None

    def model(self, learner: Learner) -> Segmentor:
        """The best model; the final one where none was validated. Raises RunFailed."""
        if self.miou is None:
            return final_model(learner)
        net, _ = checkpoint.read_checkpoint(self.file, next(learner.student.parameters()).device)
        net.bf16 = learner.teacher.net.bf16
        return net
