"""How common each class is: the labels say it roughly, the pool may correct them.

On 16 images a class of 1 % is 0.1 or 2 %, as luck has it, and a network that was told 0.1 % says
it nowhere. What it says of unlabeled images holds the shares of these images: expectation
maximisation finds them (Saerens, Latinne and Decaestecker, Neural Computation 14, 2002). It
takes the probabilities at their word, and those of a rare class are too large; by how much, the
labeled images tell, whose shares are known (an adjusted count: Forman, Data Mining and Knowledge
Discovery 17, 2008). The estimate is believed as far as the labels leave the share open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

STEPS = 200  # of expectation maximisation, at most
RATIO_MOST = 10.0  # of a share of the pool to that of the labels
SETTLED = 1e-3  # a step that changes no share by more than this part of it is the last


@dataclass(frozen=True, kw_only=True)
class LabeledShares:
    """What the labels say of each class, both (C,).

    share: of the labeled pixels, sums to 1. doubt: the standard error of it from image to image,
    relative to it; 0 for a class without pixels.
    """

    share: Numbers
    doubt: Numbers


def labeled_shares(pixels: npt.NDArray[np.int64]) -> LabeledShares:
    """From (L, C) pixels of each class in each labeled image; there must be some.

    The error is that of a ratio estimate (Cochran, Sampling Techniques, 1977, chapter 6); one
    image alone says nothing of the others, so its classes have a doubt of 1.
    """
    images, total = len(pixels), pixels.sum()
    share = pixels.sum(axis=0) / total
    error = share
    if images > 1:
        residual = pixels - share * pixels.sum(axis=1, keepdims=True)
        error = np.sqrt(images / (images - 1) * (residual**2).sum(axis=0)) / total
    return LabeledShares(share=share, doubt=_over(error, share, 0.0))


def shifted_share(probability: Numbers, assumed: Numbers) -> Numbers:
    """(C,): the shares of the classes in what (C, N) probabilities were said of.

    assumed: (C,) shares that whoever said them takes for true. A class without a share stays so.
    """
    share = probability.mean(axis=1)
    share[assumed == 0] = 0
    for _ in range(STEPS):
        likely = probability * _over(share, assumed, 0.0)[:, None]
        total = likely.sum(axis=0)
        last, share = share, np.asarray((likely[:, total > 0] / total[total > 0]).mean(axis=1))
        if np.all(np.abs(share - last) <= SETTLED * last):
            break
    return share


def pool_share(pool: Numbers, said: Numbers, truth: Numbers, assumed: Numbers) -> Numbers:
    """(C,), sums to 1: the shares of the pool, by what a network says of it.

    pool: (C, N) probabilities of its pixels. said, truth: (C,) how much of each class the network
    says there is in labeled images, and how much there is: how far it exaggerates. assumed: as in
    `shifted_share`. A class that the labeled images do not show keeps its assumed share.
    """
    exaggerated = _over(said, truth, np.nan)
    share = shifted_share(pool, assumed) / exaggerated
    share = np.where(np.isfinite(share) & (share > 0), share, assumed)
    return np.asarray(share / share.sum())


def believed_share(labels: LabeledShares, pool: Numbers, half: float) -> Numbers:
    """(C,), sums to 1: labeled * (pool / labeled) ** t, with t = d^2 / (d^2 + half^2).

    half: the doubt d at which the pool's word counts as much as the labels'; above 0. The quotient
    counts as 10 or 1/10 at most: a network that has learnt nothing says anything.
    """
    trust = labels.doubt**2 / (labels.doubt**2 + half**2)
    ratio = _over(pool, labels.share, 1.0).clip(1 / RATIO_MOST, RATIO_MOST)
    share = labels.share * ratio**trust
    return np.asarray(share / share.sum())


def _over(above: Numbers, below: Numbers, otherwise: float) -> Numbers:
    """above / below, and `otherwise` where that is nothing."""
    return np.divide(above, below, out=np.full_like(below, otherwise), where=below > 0)
