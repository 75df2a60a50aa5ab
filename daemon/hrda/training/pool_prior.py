"""The finished model looks at the pool: how common is each class there?

The answer moves its logits, so that a class that few labeled images show is not lost.
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
from daemon.hrda.data.sampler import LOOK, stream
from daemon.hrda.inference.batches import sampled
from daemon.hrda.inference.whole_images import Seen
from daemon.hrda.learning.class_prior import correct_prior, prior_bias
from daemon.hrda.learning.class_shares import Numbers, believed_share, labeled_shares, pool_share
from daemon.hrda.network.heads import STRIDE
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.progress import Signs
from daemon.runs.folder import ImageFile, RunFolder, TrainRequest

log = logging.getLogger(__name__)

File = TypeVar("File", bound=ImageFile)

MOST_LABELED, MOST_POOL = 64, 96  # images of each that are looked at
CELLS = 5_000  # of an unlabeled image that count, about
TIMED = 8  # images that the seconds of the look are taken from


def follow_pool(folder: RunFolder, net: Segmentor, request: TrainRequest, crops: Crops) -> None:
    """Move the logits of a finished model to the class shares that labels and pool agree on.

    Nothing is done where no unlabeled image teaches, or pool_doubt is 0.
    """
    if not (crops.settings.pool_doubt and crops.unlabeled):
        return
    labels = labeled_shares(crops.pixels)
    said, truth = _on_labels(folder, net, request, crops)
    files = _some(crops.unlabeled, MOST_POOL, request.seed)
    pool = _on_pool(folder, net, files, request, crops)
    if not pool.size:
        return
    found = pool_share(pool, said, truth, labels.share)
    believed = believed_share(labels, found, crops.settings.pool_doubt)
    for row, name in enumerate(request.classes):
        shares = (labels.share[row], found[row], believed[row])
        log.info("class=%s share labeled=%.5f pool=%.5f believed=%.5f", name, *shares)
    correct_prior(net, prior_bias(_tensor(believed, net), _tensor(labels.share, net)))


def look_s(net: Segmentor, request: TrainRequest, crops: Crops) -> float:
    """How many seconds `follow_pool` will take, from a few images of the pool."""
    if not (crops.settings.pool_doubt and crops.unlabeled):
        return 0.0
    files = _some(crops.unlabeled, MOST_POOL, request.seed)
    timed, began_s = files[:TIMED], time.monotonic()
    for _ in sampled(net, timed, crops.reading, request.seed):
        pass
    each_s = (time.monotonic() - began_s) / len(timed)
    return each_s * (len(files) + min(MOST_LABELED, len(request.labeled)))


def _on_labels(
    folder: RunFolder, net: Segmentor, request: TrainRequest, crops: Crops
) -> tuple[Numbers, Numbers]:
    """(C,) and (C,): how much of each class the model says, and how much there is."""
    classes = len(request.classes)
    said, truth = np.zeros(classes), np.zeros(classes)
    files = _some(crops.labeled, MOST_LABELED, request.seed)
    phase = "class shares of the labels"
    looks = sampled(net, files, crops.reading, request.seed)
    for file, size, parts in Signs(folder, phase, len(files)).over(looks):
        mask = crops.reading.mask(file, classes, size)
        if mask is None:
            continue
        for box, look in parts:
            cells = mask[box.view][::STRIDE, ::STRIDE].ravel()
            labeled = cells != IGNORE
            said += _probability(look)[:, labeled].sum(axis=1)
            truth += np.bincount(cells[labeled], minlength=classes)
    return said, truth


def _on_pool(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[ImageFile],
    request: TrainRequest,
    crops: Crops,
) -> Numbers:
    """(C, N): what the model says of cells all over the pool."""
    parts = []
    looks = sampled(net, files, crops.reading, request.seed)
    for _, _, seen in Signs(folder, "class shares of the pool", len(files)).over(looks):
        probability = np.concatenate([_probability(look) for _, look in seen], axis=1)
        parts.append(probability[:, :: -(-probability.shape[1] // CELLS)])
    return np.concatenate(parts, axis=1) if parts else np.empty((0, 0))


def _probability(look: Seen) -> Numbers:
    """(C, cells): of all cells of an image, one for 4x4 pixels."""
    return np.asarray(look.logits.flatten(1).double().softmax(dim=0).numpy())


def _some(files: Sequence[File], most: int, seed: int) -> list[File]:
    """At most so many of them, drawn by the seed."""
    drawn = stream(seed, LOOK).permutation(len(files))[:most]
    return [files[row] for row in sorted(drawn.tolist())]


def _tensor(numbers: Numbers, net: Segmentor) -> torch.Tensor:
    return torch.from_numpy(numbers).to(net.mean)
