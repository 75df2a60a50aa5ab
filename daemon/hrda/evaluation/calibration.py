"""Calibration of a model: whether it is right as often as it is confident. Sums only.

Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, ICML 2017: expected
calibration error over 15 bins of equal width, and temperature scaling, which divides the logits
by one number. The number is found on validation images and then applied to others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Calibration, Mask

BINS = 15
SAMPLED = 4096  # labeled pixels of each image, or band of one, that the likelihood is measured on
CHUNK_PX = 2**20  # that are processed at once, to bound memory
MIN_PROBABILITY = 1e-30  # a probability that float32 rounds to 0

Floats = npt.NDArray[np.float64]

# Neighbouring temperatures differ by a tenth.
TEMPERATURES: Floats = np.geomspace(0.05, 20.0, 61).astype(np.float64)


class Reliability:
    """A histogram of pixels over their confidence, of BINS bins."""

    def __init__(self) -> None:
        self.pixels = np.zeros(BINS)
        self.confidence = np.zeros(BINS)
        self.correct = np.zeros(BINS)

    def add(self, confidence: Floats, correct: npt.NDArray[np.bool_]) -> None:
        """confidence: (N,) largest probability of each pixel. correct: (N,) of its class."""
        rows = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
        self.pixels += np.bincount(rows, minlength=BINS)
        self.confidence += np.bincount(rows, weights=confidence, minlength=BINS)
        self.correct += np.bincount(rows, weights=correct, minlength=BINS)

    def error(self) -> float:
        """Expected calibration error: mean over pixels of |accuracy - confidence| of their bin."""
        gap = np.abs(self.correct - self.confidence).sum()
        return float(gap / max(1.0, self.pixels.sum()))


class Likelihood:
    """Mean negative log-likelihood of sampled pixels at several temperatures."""

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
        """(T,) nats, by temperature."""
        return self.total / max(1, self.pixels)


class CalibrationTally:
    """Reliability and likelihood of a model on images, also at a temperature of other images."""

    def __init__(self, temperature: float | None = None) -> None:
        self.temperature = temperature
        self.plain, self.scaled = Reliability(), Reliability()
        temperatures = [1.0] if temperature is None else [1.0, temperature]
        self.likelihood = Likelihood(temperatures)

    def add(self, truth: Mask, probability: npt.NDArray[np.float32]) -> None:
        """truth: (H, W), of an image or a band of one. probability: (C, H, W)."""
        labeled = truth != IGNORE
        label = truth[labeled]
        if not label.size:
            return
        p = probability[:, labeled]  # (C, N)
        confidence, correct = p.max(axis=0).astype(np.float64), p.argmax(axis=0) == label
        self.plain.add(confidence, correct)
        if self.temperature is not None:
            self.scaled.add(_scaled_confidence(p, self.temperature), correct)
        rows = sampled_pixels(label.size)
        log_p = np.log(np.maximum(p[:, rows], MIN_PROBABILITY)).astype(np.float64)
        self.likelihood.add(log_p, label[rows])

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


class TemperatureFit(CalibrationTally):
    """The same on validation images, with the temperature that fits them best."""

    def __init__(self) -> None:
        super().__init__()
        self.likelihood = Likelihood([1.0, *TEMPERATURES])

    def calibration(self) -> Calibration | None:
        """The figures with the temperature of the lowest negative log-likelihood, and its value."""
        found = super().calibration()
        if found is None:
            return None
        best, nll = parabola_minimum(TEMPERATURES, self.likelihood.mean()[1:])
        return dataclasses.replace(found, temperature=best, nll_scaled=nll)


def parabola_minimum(temperatures: Floats, values: Floats) -> tuple[float, float]:
    """Position and value of the minimum of the parabola through the lowest three values.

    temperatures: a geometric series. At either end, the end itself.
    """
    low = int(values.argmin())
    if low in (0, len(values) - 1):
        return float(temperatures[low]), float(values[low])
    left, middle, right = values[low - 1 : low + 2]
    curvature = left - 2 * middle + right
    shift = 0.5 * (left - right) / curvature if curvature > 0 else 0.0
    factor = temperatures[1] / temperatures[0]
    return (
        float(temperatures[low] * factor**shift),
        float(middle - 0.25 * (left - right) * shift),
    )


def sampled_pixels(count: int) -> npt.NDArray[np.int64]:
    """At most SAMPLED of the indices 0 to count - 1, the same in each call.

    Random: indices at even distances would come from few columns of the picture.
    """
    if count <= SAMPLED:
        return np.arange(count)
    return np.random.default_rng(count).integers(count, size=SAMPLED)


def _scaled_confidence(p: npt.NDArray[np.float32], temperature: float) -> Floats:
    """(N,) the largest probability of each pixel at this temperature. p: (C, N)."""
    found = np.empty(p.shape[1])
    for first in range(0, p.shape[1], CHUNK_PX):
        chunk = np.s_[first : first + CHUNK_PX]
        found[chunk] = _confidence(np.log(np.maximum(p[:, chunk], MIN_PROBABILITY)) / temperature)
    return found


def _confidence(scaled: npt.NDArray[np.float32]) -> Floats:
    """The largest probability of each pixel, from logits (C, N)."""
    return np.exp(scaled.max(axis=0).astype(np.float64) - _log_sum_exp(scaled))


def _log_sum_exp(scaled: npt.NDArray[np.floating]) -> Floats:
    most = scaled.max(axis=0)
    return np.asarray(most + np.log(np.exp(scaled - most).sum(axis=0)), np.float64)
