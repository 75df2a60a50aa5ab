"""Small predictions of a few fixed images on the way of a training, for its page.

They change nothing that is learned: a copy of the model predicts, without a random number. A
preview is left out while previews have taken more than `MOST_SHARE` of the time, and where memory
is short.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from daemon.domain import IGNORE, Mask
from daemon.domain.errors import RunFailed
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.evaluation.iou import confusion, evaluation
from daemon.hrda.inference.whole_images import ImagePrediction, predict_image
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.pseudo_labels import distribution_alignment
from daemon.hrda.learning.pseudo_selection import selection
from daemon.hrda.learning.reliability import unreliable_classes
from daemon.hrda.training.best_model import final_model, validation_iterations
from daemon.hrda.training.history import HistoryWriter
from daemon.pixels import pixel_count
from daemon.pixels.small_masks import small_mask_png
from daemon.runs.out_of_memory import is_out_of_memory
from daemon.runs.run_folder import ImageFile, LabeledFile, RunFolder, TrainRequest
from daemon.runs.training_history import (
    MOST_PREVIEWS,
    Preview,
    PreviewImage,
    PreviewKind,
    preview_mask,
)

log = logging.getLogger(__name__)

SIDE_PX = 320  # of a preview, at the most
MOST_SHARE = 1 / 30  # of the time of the training
MOST_PX = 4_000_000  # of an image that is previewed: the network sees all of it
SEEN = 4
POOL_SHARE = 1 / 3  # of the previews that show images without a label


class Previews:
    """The previews of one round of a training."""

    def __init__(
        self, folder: RunFolder, request: TrainRequest, reader: FileReader, history: HistoryWriter
    ) -> None:
        self.folder, self.request, self.reader, self.history = folder, request, reader, history
        self.files = chosen_files(request)
        self.images = tuple(PreviewImage(id=file.id, role=file.role) for file in self.files)

    def due(self, done: int, iterations: int, validations: int, seconds: float) -> bool:
        """Whether to draw now. seconds: of the training so far."""
        if done not in validation_iterations(iterations, min(validations, MOST_PREVIEWS)):
            return False
        return self.history.history.preview_seconds <= MOST_SHARE * seconds

    def draw(self, learner: Learner, done: int) -> None:
        """Write the predictions of the present model; nothing where memory is short or a file is
        gone."""
        if not self.files:
            return
        start_s = time.monotonic()
        iteration = self.history.before + done
        try:
            miou = self._draw(learner, iteration, done)
        except (RunFailed, RuntimeError, MemoryError) as exc:
            if not isinstance(exc, RunFailed) and not is_out_of_memory(exc):
                raise
            log.warning("no preview after iteration %d: %s", iteration, exc)
            return
        took_s = time.monotonic() - start_s
        self.history.previewed(self.images, Preview(iteration=iteration, miou=miou), took_s)

    @torch.no_grad()
    def _draw(self, learner: Learner, iteration: int, done: int) -> float | None:
        (self.folder.path / "previews").mkdir(exist_ok=True)
        classes, matrices = len(self.request.classes), []
        net = final_model(learner)  # a copy; its windows do not overlap: a seventh of the time
        net.settings = dataclasses.replace(net.settings, overlap_megapixels=0.0)
        for file, image in zip(self.files, self.images, strict=True):
            picture = self.reader.image(file)
            if picture is None:
                continue
            found = predict_image(net, picture)
            predicted, pseudo = found.mask(), pseudo_mask(learner, found, done)
            masks: Mapping[PreviewKind, Mask] = {"prediction": predicted, "pseudo": pseudo}
            for kind, mask in masks.items():
                path = preview_mask(self.folder, image, iteration, kind)
                path.write_bytes(small_mask_png(mask, SIDE_PX))
            truth = self._truth(file, found.size)
            if truth is not None:
                matrices.append(confusion(truth, predicted, classes))
        return evaluation(matrices, self.request.classes).miou if matrices else None

    def _truth(self, file: ImageFile, size: tuple[int, int]) -> Mask | None:
        """The mask by people, if there is one."""
        if not isinstance(file, LabeledFile):
            return None
        return self.reader.mask(file, len(self.request.classes), size)


def chosen_files(request: TrainRequest) -> list[ImageFile]:
    """The images of the previews: evenly spaced by id, so that the next training, which has the
    same validation images, shows the same ones; two thirds of them with a mask."""
    pool = _small_ones(request.unlabeled, round(request.previews * POOL_SHARE))
    return [*_small_ones(request.validation, request.previews - len(pool)), *pool]


def pseudo_mask(learner: Learner, prediction: ImagePrediction, done: int) -> Mask:
    """(H, W): the pseudo-label of each pixel that would count now, by the rule of the learner and
    the probabilities of the evaluated model; 255 elsewhere."""
    settings, device = learner.settings, learner.thresholds.device
    probability = prediction.probability().unsqueeze(0).to(device)
    valid = torch.ones(1, *prediction.size, dtype=torch.bool, device=device)
    ratio = distribution_alignment(
        learner.labeled_share, learner.predicted_share, settings.prior_alignment
    )
    unreliable = unreliable_classes(learner.confusion, learner.labeled_share, settings)
    select = selection(settings, done, learner.thresholds, unreliable)
    found = select(probability, valid, ratio)
    counted: Tensor = torch.where(found.weight > 0, found.label, IGNORE)
    return counted[0].to(torch.uint8).cpu().numpy()


def _small_ones(files: Sequence[ImageFile], count: int) -> list[ImageFile]:
    """Images of at most MOST_PX pixels, of `SEEN` times as many that are looked at."""
    seen = _spaced(files, SEEN * count)
    return _spaced([file for file in seen if 0 < pixel_count(file.image) <= MOST_PX], count)


def _spaced(files: Sequence[ImageFile], count: int) -> list[ImageFile]:
    ordered = sorted(files, key=lambda file: file.id)
    rows = np.unique(np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round())
    return [ordered[int(row)] for row in rows]
