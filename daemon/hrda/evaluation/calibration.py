"""Whether a model is as often right as it is sure. Sums only: memory does not grow.

Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, ICML 2017: expected
calibration error over 15 bins of equal width, and temperature scaling, which divides the logits
by one number. The number is found on validation images and then used on others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Calibration, Mask

BINS = 15
SAMPLED = 4096  # labeled pixels of each image, or band of one, that the likelihood is measured on
PIECE_PX = 2**20  # what is worked on at once, so that memory is bounded
LEAST = 1e-30  # a probability that float32 rounds to 0

Floats = npt.NDArray[np.float64]

# Neighbours differ by a tenth.
TEMPERATURES: Floats = np.geomspace(0.05, 20.0, 61).astype(np.float64)


class Reliability:
    """Pixels by how sure the model was of them: a histogram of BINS bins."""

    def __init__(self) -> None:
        self.pixels = np.zeros(BINS)
        self.confidence = np.zeros(BINS)
        self.right = np.zeros(BINS)

    def add(self, confidence: Floats, right: npt.NDArray[np.bool_]) -> None:
        """confidence: (N,) largest probability of each pixel. right: (N,) it was the truth's."""
        rows = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
        self.pixels += np.bincount(rows, minlength=BINS)
        self.confidence += np.bincount(rows, weights=confidence, minlength=BINS)
        self.right += np.bincount(rows, weights=right, minlength=BINS)

    def error(self) -> float:
        """Mean over the pixels of |share that is right - mean confidence| of their bin."""
        gap = np.abs(self.right - self.confidence).sum()
        return float(gap / max(1.0, self.pixels.sum()))


class Likelihood:
    """Mean negative log-likelihood of sampled pixels at each of some temperatures."""

    def __init__(self, temperatures: Sequence[float]) -> None:
        self.temperatures = np.asarray(temperatures, np.float64)
        self.pixels = 0
        self.total = np.zeros(len(self.temperatures))

    def add(self, log_p: Floats, truth: npt.NDArray[np.uint8]) -> None:
        """log_p: (C, N), logits up to a constant for each pixel. truth: (N,)."""
        own = log_p[truth, np.arange(len(truth))]
        self.pixels += len(truth)
        for row, temperature in enumerate(self.temperatures):
            scaled = log_p / temperature
            self.total[row] += (_log_sum_exp(scaled) - own / temperature).sum()

    def mean(self) -> Floats:
        """By temperature, nats."""
        return self.total / max(1, self.pixels)


class Sureness:
    """Reliability and likelihood of a model on images. temperature: also try this one."""

    def __init__(self, temperature: float | None = None) -> None:
        self.temperature = temperature
        self.plain, self.scaled = Reliability(), Reliability()
        tried = [1.0] if temperature is None else [1.0, temperature]
        self.likelihood = Likelihood(tried)

    def add(self, truth: Mask, probability: npt.NDArray[np.float32]) -> None:
        """truth: (H, W), of an image or a band of one. probability: (C, H, W)."""
        labeled = truth != IGNORE
        label = truth[labeled]
        if not label.size:
            return
        p = probability[:, labeled]  # (C, N)
        sure, right = p.max(axis=0).astype(np.float64), p.argmax(axis=0) == label
        self.plain.add(sure, right)
        if self.temperature is not None:
            self.scaled.add(_scaled_confidence(p, self.temperature), right)
        some = sample(label.size)
        log_p = np.log(np.maximum(p[:, some], LEAST)).astype(np.float64)
        self.likelihood.add(log_p, label[some])

    def calibration(self) -> Calibration | None:
        """The figures; None when no pixel had a label."""
        if not self.likelihood.pixels:
            return None
        nll = [float(value) for value in self.likelihood.mean()]
        if self.temperature is None:
            return Calibration(ece=self.plain.error(), nll=nll[0])
        return Calibration(
            ece=self.plain.error(),
            nll=nll[0],
            temperature=self.temperature,
            ece_scaled=self.scaled.error(),
            nll_scaled=nll[1],
        )


class Fitting(Sureness):
    """The same on validation images, which also say which temperature is best."""

    def __init__(self) -> None:
        super().__init__()
        self.likelihood = Likelihood([1.0, *TEMPERATURES])

    def calibration(self) -> Calibration | None:
        """The figures with the temperature of the least likelihood loss, and that loss."""
        found = super().calibration()
        if found is None:
            return None
        best, nll = lowest(TEMPERATURES, self.likelihood.mean()[1:])
        return dataclasses.replace(found, temperature=best, nll_scaled=nll)


def lowest(temperatures: Floats, values: Floats) -> tuple[float, float]:
    """Where the values are least, and how low: of the parabola through the lowest three.

    temperatures: rising by one factor. An end stands for itself.
    """
    low = int(values.argmin())
    if low in (0, len(values) - 1):
        return float(temperatures[low]), float(values[low])
    left, middle, right = values[low - 1 : low + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend > 0 else 0.0
    factor = temperatures[1] / temperatures[0]
    return (
        float(temperatures[low] * factor**shift),
        float(middle - 0.25 * (left - right) * shift),
    )


def sample(count: int) -> npt.NDArray[np.int64]:
    """At most SAMPLED of the pixels 0 to count - 1, the same ones each time.

    At random: pixels at even distances would come from few columns of the picture.
    """
    if count <= SAMPLED:
        return np.arange(count)
    return np.random.default_rng(count).integers(count, size=SAMPLED)


def _scaled_confidence(p: npt.NDArray[np.float32], temperature: float) -> Floats:
    """(N,) the largest probability of each pixel when the logits of (C, N) are divided."""
    found = np.empty(p.shape[1])
    for first in range(0, p.shape[1], PIECE_PX):
        piece = np.s_[first : first + PIECE_PX]
        found[piece] = _confidence(np.log(np.maximum(p[:, piece], LEAST)) / temperature)
    return found


def _confidence(scaled: npt.NDArray[np.float32]) -> Floats:
    """The largest probability of each pixel, from logits (C, N)."""
    return np.exp(scaled.max(axis=0).astype(np.float64) - _log_sum_exp(scaled))


def _log_sum_exp(scaled: npt.NDArray[np.floating]) -> Floats:
    most = scaled.max(axis=0)
    return np.asarray(most + np.log(np.exp(scaled - most).sum(axis=0)), np.float64)
