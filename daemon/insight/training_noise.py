"""How much training alone moves a figure: A/A runs, the same labels with other training seeds.

One-way analysis of variance: the variance within groups is pooled over the groups, each with its
degrees of freedom (Bland & Altman 1996, Measurement error, BMJ 312:1654).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from daemon.insight.paired_difference import t_quantile


@dataclass(frozen=True, kw_only=True)
class TrainingNoise:
    """sd: standard deviation of the figure of one training. freedom: degrees of freedom behind it,
    the trainings minus the groups. groups: sets of labels that were trained on more than once."""

    sd: float
    freedom: int
    groups: int
    trainings: int


def training_noise(groups: Iterable[Sequence[float]]) -> TrainingNoise | None:
    """Pool the A/A runs. groups: the figures of trainings on the same labels; groups of one say
    nothing and are left out. None without a group of at least two."""
    repeated = [np.asarray(group, dtype=np.float64) for group in groups if len(group) > 1]
    if not repeated:
        return None
    trainings = sum(len(group) for group in repeated)
    freedom = trainings - len(repeated)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in repeated)
    return TrainingNoise(
        sd=math.sqrt(squares / freedom),
        freedom=freedom,
        groups=len(repeated),
        trainings=trainings,
    )


def difference_band(noise: TrainingNoise, pairs: int) -> float:
    """Half the width of the 95 % band of a difference of two means of `pairs` trainings each, if
    nothing but the training differs: t * sd * sqrt(2 / pairs). It treats the two trainings of a
    pair as independent, which is wide rather than narrow."""
    return t_quantile(noise.freedom) * noise.sd * math.sqrt(2 / pairs)
