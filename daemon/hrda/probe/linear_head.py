"""Multinomial logistic regression on cells of frozen features, fitted to a seeded sample. Pure.

The features do not learn, so a training is a convex problem of a few hundred numbers: L-BFGS
finds its minimum in a fraction of a second. What differs between trainings with the same labels
is the sample of cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]

SAMPLED = 12_288  # pairs of a cell and a class
# A class is drawn in proportion to its share of the pixels to the power of 1 - BALANCE. With this
# the mIoU on other videos of soy's training images was as with 0.25, better than with 0 and 0.75;
# DECAY hardly matters.
BALANCE = 0.5
DECAY = 3e-4  # of half the squared weights, beside the mean loss of a pair
MOST_ITERATIONS = 100
NEVER = -1e4  # bias of a class that no label holds


@dataclass(frozen=True, kw_only=True)
class LinearHead:
    """weights: (F, C). bias: (C,). temperature: that the logits are divided by, for probabilities
    as often right as they are sure."""

    weights: Floats
    bias: Floats
    temperature: float = 1.0

    def logits(self, cells: npt.ArrayLike) -> Floats:
        """(..., C) of cells (..., F), not divided by the temperature."""
        x = np.asarray(cells, np.float32)
        return np.asarray(x @ self.weights + self.bias, np.float32)


def draw_pairs(
    pixels: Counts, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions of SAMPLED cells and a class for each, from the pixels (M, C) of each class.

    Drawn with replacement: first the class, by its share; then a cell, in proportion to its pixels
    of the class. Raises ValueError without any pixel.
    """
    share = pixels.sum(axis=0) / pixels.sum() if pixels.any() else np.zeros(pixels.shape[1])
    if not share.any():
        raise ValueError("no pixel has a class: expected at least one labeled pixel")
    drawn = np.where(share > 0, share, 1) ** (1 - BALANCE) * (share > 0)
    numbers = rng.multinomial(SAMPLED, drawn / drawn.sum())
    rows = [_drawn(pixels[:, c], number, rng) for c, number in enumerate(numbers) if number]
    return np.concatenate(rows), np.repeat(np.arange(len(numbers)), numbers)


def _drawn(weights: Counts, number: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Positions, each in proportion to its weight, with replacement."""
    total = np.cumsum(weights)
    return np.searchsorted(total, rng.integers(total[-1], size=number), side="right")


def fit_head(cells: Floats, labels: npt.NDArray[np.int64], classes: int) -> tuple[LinearHead, int]:
    """The head that fits cells (S, F) with their labels (S,) best, and how many iterations L-BFGS
    took. A class without a cell is never predicted."""
    known, target = np.unique(labels, return_inverse=True)
    weights, bias, iterations = _minimum(cells, target, len(known))
    head = LinearHead(
        weights=np.zeros((cells.shape[1], classes), np.float32),
        bias=np.full(classes, NEVER, np.float32),
    )
    head.weights[:, known], head.bias[known] = weights, bias
    return head, iterations


def _minimum(x: Floats, target: npt.NDArray[np.int64], classes: int) -> tuple[Floats, Floats, int]:
    """Weights (F, C), bias (C,) and the number of iterations."""
    from scipy.optimize import minimize

    count, width = x.shape
    rows = np.arange(count)

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        theta = flat.reshape(width + 1, classes).astype(np.float32)
        z = x @ theta[:-1] + theta[-1]
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        total = p.sum(axis=1)
        value = float(np.mean(np.log(total) - z[rows, target], dtype=np.float64))
        p /= total[:, None]
        p[rows, target] -= 1
        slope = np.empty((width + 1, classes))
        slope[:-1] = x.T @ p / count + DECAY * theta[:-1]
        slope[-1] = p.mean(axis=0)
        return value + 0.5 * DECAY * float((theta[:-1] ** 2).sum()), slope.ravel()

    found = minimize(
        loss,
        np.zeros((width + 1) * classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MOST_ITERATIONS},
    )
    theta = found.x.reshape(width + 1, classes).astype(np.float32)
    return theta[:-1], theta[-1], int(found.nit)
