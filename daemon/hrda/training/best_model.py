"""The model that a training leaves: the final one, or the best one on the way.

With `keep_best` that is the best on validation, with `keep_consistent` the one that is most
consistent on a sample of the pool.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from pathlib import Path

from daemon.config.learner import Settings
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.evaluation.evaluate import evaluate
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.logit_adjustment import adjust_logits, adjustment_strength, logit_bias
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training import checkpoint
from daemon.hrda.training.consistency import pool_consistency
from daemon.hrda.training.pool_prior import sampled_files
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


def measures_on_the_way(settings: Settings) -> bool:
    """Whether the model is measured before the training has ended."""
    return settings.keep_best or settings.keep_consistent or settings.until_plateau > 0


class BestModel:
    """The best model so far, in a file of the run folder.

    miou: its figure, the validation mIoU or the consistency on the pool; None before the first.
    """

    def __init__(self, folder: RunFolder, request: TrainRequest, reader: FileReader) -> None:
        self.folder, self.request, self.reader = folder, request, reader
        self.miou: float | None = None

    @property
    def file(self) -> Path:
        """The file that holds it until the training ends."""
        return self.folder.path / "best.pth"

    def validate(self, learner: Learner, iteration: int) -> float | None:
        """Measure the present model, and keep it if it is better and the settings say so.

        Returns its figure; None where there is no image to measure on.
        """
        net, settings = final_model(learner), learner.settings
        miou = self._evaluate(net, self.request.classes)
        log.info("validation iteration=%d miou=%s best=%s", iteration, miou, self.miou)
        keeps = settings.keep_best or settings.keep_consistent
        if keeps and miou is not None and (self.miou is None or miou > self.miou):
            checkpoint.write_checkpoint(self.file, net, self.request.classes)
            self.miou = miou
        return miou

    def time_validation(self, learner: Learner) -> None:
        """Evaluate the present model without keeping it: for timing."""
        self._evaluate(final_model(learner), self.request.classes)

    def _evaluate(self, net: Segmentor, classes: Sequence[str]) -> float | None:
        if net.settings.keep_consistent:
            return self._consistency(net)
        files = self.request.validation
        found = evaluate(self.folder, net, files, classes, "validation", self.reader)
        return found.miou if found else None

    def _consistency(self, net: Segmentor) -> float | None:
        request = self.request
        sample = sampled_files(request.unlabeled, net.settings.consistency_images, request.seed)
        return pool_consistency(net, sample, self.reader, len(request.classes))

    def model(self, learner: Learner) -> Segmentor:
        """The best model; the final one where none was validated. Raises RunFailed."""
        if self.miou is None:
            return final_model(learner)
        net, _ = checkpoint.read_checkpoint(self.file, next(learner.student.parameters()).device)
        net.bf16 = learner.teacher.net.bf16
        return net
