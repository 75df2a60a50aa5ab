"""How consistent a model is on the pool: its predictions of images and of their mirror images.

A figure without labels, on the same images each time. A model that predicts one class everywhere
agrees with itself too, so the figure is a mean over the classes, and one that neither view predicts
counts 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.inference.whole_images import predict_images
from daemon.hrda.network.segmentor import Segmentor
from daemon.runs.run_folder import ImageFile

READ_AHEAD = 4  # pictures that wait for the network


def pool_consistency(
    net: Segmentor, files: Sequence[ImageFile], reader: FileReader, classes: int
) -> float | None:
    """In [0, 1], 1: both views agree on every pixel of every class; None without a usable image."""
    confusion = np.zeros((classes, classes), np.int64)
    for _, picture in reader.images(files, READ_AHEAD):
        mirrored = np.ascontiguousarray(picture[:, ::-1])
        first, second = predict_images(net, [picture, mirrored])
        pairs = first.mask().astype(np.int64) * classes + second.mask()[:, ::-1]
        confusion += np.bincount(pairs.ravel(), minlength=classes**2).reshape(classes, classes)
    return mean_agreement(confusion) if confusion.sum() else None


def mean_agreement(confusion: npt.NDArray[np.int64]) -> float:
    """The mean over all classes of the IoU of two views; 0 for a class that neither holds.

    confusion: (C, C) pixels by (class in one view, class in the other).
    """
    both = confusion.diagonal()
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    return float(np.mean(both / np.maximum(either, 1)))
