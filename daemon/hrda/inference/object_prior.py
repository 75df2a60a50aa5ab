"""How likely each place of an image shows anything but background: the prior of clicks."""

from __future__ import annotations

import dataclasses

import numpy as np

from daemon.clicks.click import FloatMap, PriorMap
from daemon.hrda.inference.whole_images import ImagePrediction
from daemon.runs.prior_maps import PRIOR_STRIDE


def prior_of(prediction: ImagePrediction, temperature: float) -> PriorMap:
    """1 - p(class 0), the mean of each square of PRIOR_STRIDE pixels, from 0..1 to 0..255.

    temperature: by which the logits are divided; 1 leaves them.
    """
    height, width = prediction.size
    shape = (-(-height // PRIOR_STRIDE), -(-width // PRIOR_STRIDE))
    values = np.empty(shape, np.uint8)
    softer = dataclasses.replace(prediction, logits=prediction.logits.float() / temperature)
    for rows, probability in softer.bands():  # a band begins at a multiple of the stride
        means = _square_means(1 - probability[0].numpy())
        top = rows.start // PRIOR_STRIDE
        values[top : top + len(means)] = np.rint(means * 255)
    return PriorMap(values=values, stride=PRIOR_STRIDE)


def _square_means(values: FloatMap) -> FloatMap:
    """(h, w) -> (h / stride, w / stride), rounded up: squares at the end are smaller."""
    starts = [np.arange(0, side, PRIOR_STRIDE) for side in values.shape]
    rows = np.add.reduceat(values, starts[0], axis=0)
    sums = np.add.reduceat(rows, starts[1], axis=1)
    counts = [np.diff([*start, side]) for start, side in zip(starts, values.shape, strict=True)]
    means = (sums / np.outer(*counts)).clip(0, 1)
    return np.asarray(means, np.float32)
