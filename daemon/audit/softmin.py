"""The soft minimum of pixel scores: near the smallest, yet every pixel counts.

Lad and Mueller, Estimating label quality and errors in semantic segmentation data via any model,
2023 (arXiv 2307.05080).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

TEMPERATURE = 0.1


def softmin(scores: npt.NDArray[np.floating], temperature: float = TEMPERATURE) -> float:
    """The mean of the scores, weighted by softmax((1 - score) / temperature).

    scores: (N,) in [0, 1], at least one; 1 is a perfect label. Raises ValueError for none.
    """
    if not scores.size:
        raise ValueError("softmin of no pixel; expected at least one score")
    return float(grouped_softmin(scores, np.zeros(scores.size, np.int64), 1, temperature)[0])


def grouped_softmin(
    scores: npt.NDArray[np.floating],
    groups: npt.NDArray[np.integer],
    count: int,
    temperature: float = TEMPERATURE,
) -> npt.NDArray[np.float64]:
    """The softmin of each group of pixels: (count,); 1 for a group without any.

    groups: (N,), 0 to count - 1. The largest weight is exp(0), so nothing underflows to 0 / 0.
    """
    lowest = np.full(count, np.inf)
    np.minimum.at(lowest, groups, scores)
    weights = np.exp((lowest[groups] - scores) / temperature)
    total = np.bincount(groups, weights, minlength=count)
    summed = np.bincount(groups, weights * scores, minlength=count)
    return np.divide(summed, total, out=np.ones(count), where=total > 0)
