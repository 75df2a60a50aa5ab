"""Class-prior estimation under label shift: how common each class is in the pool.

16 labeled images show a class of 1 % at 0.1 or 2 %, by chance, and a network that learned 0.1 %
hardly predicts it. Its predictions on unlabeled images carry their class shares: expectation
maximisation finds them (Saerens, Latinne and Decaestecker, Neural Computation 14, 2002). The
probabilities of a rare class are too large, by a factor that the labeled images show, where the
shares are known (adjusted count: Forman, Data Mining and Knowledge Discovery 17, 2008). The pool's
estimate is weighted by the relative standard error of the labeled share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MAX_STEPS = 200  # of expectation maximisation
MAX_RATIO = 10.0  # between a share of the pool and that of the labels
TOLERANCE = 1e-3  # relative; a step that changes no share by more is the last


@dataclass(frozen=True, kw_only=True)
class LabeledPrior:
    """The class prior that the labels show; both (C,).

    share: of the labeled pixels, sums to 1. relative_error: its standard error between images,
    relative to it; 0 for a class without pixels.
    """

    share: Floats
    relative_error: Floats


def labeled_prior(pixels: npt.NDArray[np.int64]) -> LabeledPrior:
    """From (L, C) pixels of each class in each of L > 0 labeled images.

    The error is that of a ratio estimate (Cochran, Sampling Techniques, 1977, chapter 6); one
    image says nothing about others, so its classes have a relative error of 1.
    """
    images, total = len(pixels), pixels.sum()
    share = pixels.sum(axis=0) / total
    error = share
    if images > 1:
        residual = pixels - share * pixels.sum(axis=1, keepdims=True)
        error = np.sqrt(images / (images - 1) * (residual**2).sum(axis=0)) / total
    return LabeledPrior(share=share, relative_error=_divide(error, share, 0.0))


def expectation_maximisation(probability: Floats, trained: Floats) -> Floats:
    """(C,): the class prior of the pixels that have these (C, N) probabilities.

    trained: (C,) class prior that the network was trained on; a class without a share keeps none.
    """
    share = probability.mean(axis=1)
    share[trained == 0] = 0
    for _ in range(MAX_STEPS):
        posterior = probability * _divide(share, trained, 0.0)[:, None]
        total = posterior.sum(axis=0)
        last, share = share, np.asarray((posterior[:, total > 0] / total[total > 0]).mean(axis=1))
        if np.all(np.abs(share - last) <= TOLERANCE * last):
            break
    return share


def pool_prior(pool: Floats, predicted: Floats, truth: Floats, trained: Floats) -> Floats:
    """(C,), sums to 1: the class prior of the pool, from a network's predictions.

    pool: (C, N) probabilities of its pixels. predicted, truth: (C,) amount of each class in the
    labeled images as predicted and as labeled; their quotient corrects the estimate. trained: as
    in `expectation_maximisation`. A class that no labeled image holds keeps its trained share.
    """
    overestimate = _divide(predicted, truth, np.nan)
    share = expectation_maximisation(pool, trained) / overestimate
    share = np.where(np.isfinite(share) & (share > 0), share, trained)
    return np.asarray(share / share.sum())


def combined_prior(labels: LabeledPrior, pool: Floats, half: float) -> Floats:
    """(C,), sums to 1: labeled * (pool / labeled) ** t, with t = e^2 / (e^2 + half^2).

    e: the relative error of the labeled share; half: the error at which labels and pool count
    equally, above 0. The quotient is clamped to [1/10, 10]: a network that has learned nothing
    predicts anything.
    """
    weight = labels.relative_error**2 / (labels.relative_error**2 + half**2)
    ratio = _divide(pool, labels.share, 1.0).clip(1 / MAX_RATIO, MAX_RATIO)
    share = labels.share * ratio**weight
    return np.asarray(share / share.sum())


def _divide(numerator: Floats, denominator: Floats, otherwise: float) -> Floats:
    """The quotients, and `otherwise` where the denominator is 0."""
    return np.divide(
        numerator, denominator, out=np.full_like(denominator, otherwise), where=denominator > 0
    )
