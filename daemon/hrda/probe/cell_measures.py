"""What scoring says of an image, on the cells of its features: `strategies.base.Pool` has it in
words. Pure.

Uncertainties are the mean of the most uncertain 5 % of the cells. Regions and borders are those of
cells that share an edge. The gradient is that of the head's weights (BADGE, Ash et al. 2020).
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

MOST_UNCERTAIN = 0.05  # share of the cells
GRADIENT_NUMBERS = 256  # a longer gradient is projected


def probabilities(logits: Floats, temperature: float) -> Floats:
    """(C, ...) that sum to 1, from logits (..., C): classes first, which makes sums over them
    quick."""
    z = np.ascontiguousarray(np.moveaxis(logits, -1, 0)) / np.float32(temperature)
    z -= z.max(axis=0)
    np.exp(z, out=z)
    z /= z.sum(axis=0)
    return z


def measures_of(logits: Floats, cells: Floats, temperature: float) -> Mapping[str, npt.ArrayLike]:
    """Every measure of an image but its embedding, by its name in `Scores`.

    logits: (rows, columns, C), not divided by the temperature. cells: (rows, columns, F).
    """
    p = probabilities(logits, temperature)
    classes, label = len(p), p.argmax(axis=0)
    p, flat = p.reshape(classes, -1), label.ravel()  # (C, N), (N,)
    x = cells.reshape(len(flat), -1)
    entropy = normalised_entropy(p)
    sure = p.max(axis=0)
    return {
        "uncertainty": of_most_uncertain(entropy),
        "margin": of_most_uncertain(1 - (sure - second_largest(p, flat))) if classes > 1 else 0.0,
        "least_confidence": of_most_uncertain((1 - sure) / (1 - 1 / max(2, classes))),
        "class_share": np.bincount(flat, minlength=classes) / len(flat),
        "foreground_uncertainty": of_most_uncertain(entropy[flat != 0]),
        "class_uncertainty": [of_most_uncertain(entropy[flat == c]) for c in range(classes)],
        "objects": regions(label, classes),
        "border": border(label),
        "foreground_embeddings": unit((flat != 0).astype(np.float32) @ x),
        "gradients": gradient(p, x, flat, entropy),
    }


def normalised_entropy(p: Floats) -> Floats:
    """(N,) in [0, 1] of probabilities (C, N)."""
    nats = (p * np.log(np.maximum(p, np.finfo(np.float32).tiny))).sum(axis=0)
    return np.asarray(np.clip(-nats / np.log(max(2, len(p))), 0, 1), np.float32)


def second_largest(p: Floats, label: Labels) -> Floats:
    """(N,): the largest of (C, N) but for that of the label (N,)."""
    others = p.copy()
    others[label, np.arange(len(label))] = -1
    return np.asarray(others.max(axis=0))


def of_most_uncertain(values: Floats) -> float:
    """Mean of the largest 5 % of the values, at least one of them; 0 of none."""
    if not len(values):
        return 0.0
    count = max(1, round(MOST_UNCERTAIN * len(values)))
    most = np.partition(values, len(values) - count)[len(values) - count :]
    return float(np.clip(most.mean(), 0, 1))


def regions(label: Labels, classes: int) -> Floats:
    """(C,): connected regions of each class."""
    found = np.zeros(classes, np.float32)
    for c in np.flatnonzero(np.bincount(label.ravel(), minlength=classes)):
        found[c] = cv2.connectedComponents((label == c).astype(np.uint8), connectivity=4)[0] - 1
    return found


def border(label: Labels) -> float:
    """Share of the cells that share an edge with a cell of another class, in [0, 1]."""
    beside = np.zeros(label.shape, np.bool_)
    down, right = label[1:] != label[:-1], label[:, 1:] != label[:, :-1]
    beside[1:] |= down
    beside[:-1] |= down
    beside[:, 1:] |= right
    beside[:, :-1] |= right
    return float(beside.mean())


def gradient(p: Floats, x: Floats, label: Labels, entropy: Floats) -> Floats:
    """(G,): the gradient of the head's weights for the labels that it predicts.

    The mean over the 5 % of the cells with the largest entropy of (p_c - [c = label]) times the
    features of the cell, class after class; more than 256 numbers are projected.
    """
    count = max(1, round(MOST_UNCERTAIN * len(entropy)))
    most = np.argpartition(entropy, len(entropy) - count)[len(entropy) - count :]
    slope = p[:, most]
    slope[label[most], np.arange(count)] -= 1
    found: Floats = (slope @ x[most] / np.float32(count)).ravel()
    if len(found) <= GRADIENT_NUMBERS:
        return found
    signs = np.random.default_rng(0).integers(0, 2, (len(found), GRADIENT_NUMBERS)) * 2 - 1
    return np.asarray(found @ signs / np.sqrt(GRADIENT_NUMBERS), np.float32)


def unit(vector: Floats) -> Floats:
    """The vector with length 1; zeros stay."""
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length > 0 else vector
