"""The class prior of the pool, estimated by the final model, moves its logits.

So a class that few labeled images hold is not lost; the method is in learning/class_prior.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch

from daemon.domain import IGNORE
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.sampler import POOL_SAMPLE, stream
from daemon.hrda.inference.streaming import sampled_predictions
from daemon.hrda.inference.whole_images import ImagePrediction
from daemon.hrda.learning.class_prior import Floats, combined_prior, labeled_prior, pool_prior
from daemon.hrda.learning.logit_adjustment import adjust_logits, logit_bias
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.progress import ProgressReporter
from daemon.runs.run_folder import ImageFile, RunFolder, TrainRequest

log = logging.getLogger(__name__)

File = TypeVar("File", bound=ImageFile)

MAX_LABELED, MAX_POOL = 64, 96  # images of each that are predicted
CELLS = 5_000  # of an unlabeled image that are used, about
TIMED = 8  # images of the pool that are timed


def adjust_to_pool_prior(
    folder: RunFolder, net: Segmentor, request: TrainRequest, crops: Crops
) -> None:
    """Adjust the logits of a final model from the labeled class prior to that of labels and pool.

    Does nothing without unlabeled images, or where pool_doubt is 0.
    """
    if not (crops.settings.pool_doubt and crops.unlabeled):
        return
    labels = labeled_prior(crops.pixels)
    predicted, truth = _on_labels(folder, net, request, crops)
    files = sampled_files(crops.unlabeled, MAX_POOL, request.seed)
    pool = _on_pool(folder, net, files, request, crops)
    if not pool.size:
        return
    found = pool_prior(pool, predicted, truth, labels.share)
    combined = combined_prior(labels, found, crops.settings.pool_doubt)
    for row, name in enumerate(request.classes):
        shares = (labels.share[row], found[row], combined[row])
        log.info("class=%s share labeled=%.5f pool=%.5f combined=%.5f", name, *shares)
    adjust_logits(net, logit_bias(_tensor(combined, net), _tensor(labels.share, net)))


def estimation_seconds(net: Segmentor, request: TrainRequest, crops: Crops) -> float:
    """The seconds that `adjust_to_pool_prior` will take, measured on a few images of the pool."""
    if not (crops.settings.pool_doubt and crops.unlabeled):
        return 0.0
    files = sampled_files(crops.unlabeled, MAX_POOL, request.seed)
    timed, start_s = files[:TIMED], time.monotonic()
    for _ in sampled_predictions(net, timed, crops.reader, request.seed):
        pass
    each_s = (time.monotonic() - start_s) / len(timed)
    return each_s * (len(files) + min(MAX_LABELED, len(request.labeled)))


def _on_labels(
    folder: RunFolder, net: Segmentor, request: TrainRequest, crops: Crops
) -> tuple[Floats, Floats]:
    """(C,) and (C,): cells of each class in labeled images, as predicted and as labeled."""
    classes = len(request.classes)
    predicted, truth = np.zeros(classes), np.zeros(classes)
    files = sampled_files(crops.labeled, MAX_LABELED, request.seed)
    phase = "class shares of the labels"
    predictions = sampled_predictions(net, files, crops.reader, request.seed)
    for file, size, windows in ProgressReporter(folder, phase, len(files)).track(predictions):
        mask = crops.reader.mask(file, classes, size)
        if mask is None:
            continue
        for box, prediction in windows:
            cells = prediction.cells_of(mask[box.view])
            labeled = cells != IGNORE
            predicted += _probability(prediction)[:, labeled].sum(axis=1)
            truth += np.bincount(cells[labeled], minlength=classes)
    return predicted, truth


def _on_pool(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[ImageFile],
    request: TrainRequest,
    crops: Crops,
) -> Floats:
    """(C, N): probabilities of cells all over the pool."""
    parts = []
    predictions = sampled_predictions(net, files, crops.reader, request.seed)
    for _, _, windows in ProgressReporter(folder, "class shares of the pool", len(files)).track(
        predictions
    ):
        probability = np.concatenate(
            [_probability(prediction) for _, prediction in windows], axis=1
        )
        parts.append(probability[:, :: -(-probability.shape[1] // CELLS)])
    return np.concatenate(parts, axis=1) if parts else np.empty((0, 0))


def _probability(prediction: ImagePrediction) -> Floats:
    """(C, cells): probabilities of all cells of an image, one for 4x4 pixels."""
    return np.asarray(prediction.logits.flatten(1).double().softmax(dim=0).numpy())


def sampled_files(files: Sequence[File], most: int, seed: int) -> list[File]:
    """At most `most` of them, drawn by the seed."""
    drawn = stream(seed, POOL_SAMPLE).permutation(len(files))[:most]
    return [files[row] for row in sorted(drawn.tolist())]


def _tensor(numbers: Floats, net: Segmentor) -> torch.Tensor:
    return torch.from_numpy(numbers).to(net.mean)
